# Completion of the mail system's commands, for bash. Needs nothing but bash, sed and the commands
# themselves, which are asked for what only they know: names of parameters, services, queue ids.
# Loaded by way of the links beside it, one for each command.

# What getopt(3) is told in each command (tests/lint/test_completion.py compares).
declare -gA _valija_options=(
    [postfix]='c:Dv'
    [postconf]='aAbc:C:deEfFhHjlmMno:pPqtT:vxX#'
    [postqueue]='c:fi:jps:v'
    [postsuper]='c:d:e:f:h:H:pr:sSv'
    [postcat]='bc:defhoqrs:v'
    [postmap]='bc:d:fFhijmnNopq:rsuUvw'
    [postalias]='Nc:d:fijnopq:rsuvw'
    [postlog]='c:ip:t:v'
    [postlock]='c:l:v'
    [postkick]='c:v'
    [postmulti]='ae:g:i:G:I:lpRvx'
    [posttls-finger]='a:A:cCd:fF:g:h:H:k:K:l:L:m:M:o:p:P:r:Rs:St:T:vwxX'
    [sendmail]='A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:q::r:s:tvx'
    [smtp-source]='46AcC:df:F:l:Lm:M:Nor:R:s:S:t:T:vw:'
    [smtp-sink]='468aA:b:B:cCd:D:eEf:Fh:H:Lm:M:n:NpPq:Q:r:R:s:S:t:T:u:vw:W:'
    [qmqp-source]='46cC:f:l:m:M:r:R:s:t:vw:'
    [qmqp-sink]='46cvx:'
)
_valija_options[mailq]=${_valija_options[sendmail]}
_valija_options[newaliases]=${_valija_options[sendmail]}

_valija_commands='start start-fg stop quick-start quick-stop abort reload flush check status
    set-permissions upgrade-configuration post-install logrotate tls'
_valija_steps='create-missing upgrade-source upgrade-package set-permissions upgrade-configuration
    first-install-reminder'

# COMPREPLY from the words of $1 that begin as the word at hand. Not by compgen -W: that would expand
# what files of other people may hold.
_valija_words() {
    local word words
    read -r -d '' -a words <<<"$1"
    COMPREPLY=()
    for word in "${words[@]}"; do
        [[ $word == "$cur"* && $word != *[^A-Za-z0-9_=.,:/+-]* ]] && COMPREPLY+=("$word")
    done
}

_valija_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "${1:--f}" -- "$cur")
}

# Run a command for the configuration directory of this command line, even when sbin is not in PATH.
_valija_run() {
    PATH=$PATH:/usr/sbin "$where$1" ${dir:+-c "$dir"} "${@:2}" 2>/dev/null </dev/null
}

# The same, in $answer. What it prints is kept for a
# minute: nobody should wait for it at every key.
declare -gA _valija_kept _valija_kept_at
_valija_ask() {
    local key="$dir|$*" now=$SECONDS
    if [[ -z ${_valija_kept_at[$key]} ]] || ((now - _valija_kept_at[$key] >= 60)); then
        _valija_kept[$key]=$(_valija_run "$@")
        _valija_kept_at[$key]=$now
    fi
    answer=${_valija_kept[$key]}
}

# Names of parameters; $1: further options of postconf, $2: what to put behind each.
_valija_names() {
    local answer
    _valija_ask postconf ${1:+"$1"} -H
    _valija_words "$(sed "s/\$/$2/" <<<"$answer")"
}

_valija_services() {
    local answer
    _valija_ask postconf -M
    _valija_words "$(sed -n 's|^\([^[:space:]]\{1,\}\)[[:space:]]\{1,\}\([^[:space:]]\{1,\}\).*|\1/\2|p' <<<"$answer")"
}

# Queue ids, at most a thousand; $1: a pattern for the name of the queue, $2: further words.
# They change too fast to be kept.
_valija_ids() {
    _valija_words "$2 $(_valija_run postqueue -j | head -n 1000 |
        sed -n "/\"queue_name\": *\"$1\"/s/.*\"queue_id\": *\"\([A-Za-z0-9]*\)\".*/\1/p")"
}

_valija_table() {
    local answer
    [[ $cur == /* || $prev == : ]] && { _valija_files; return; }
    _valija_ask postconf -m
    _valija_words "$(sed 's/$/:/' <<<"$answer")"
    compopt -o nospace 2>/dev/null
}

# The argument of option $2 of command $1; false: it takes none.
_valija_argument() {
    [[ ${_valija_options[$1]} == *"$2:"* ]] || return 1
    case $1:$2 in
    sendmail:C | mailq:C | newaliases:C) _valija_files ;;
    posttls-finger:[AFHkKP]) _valija_files ;;
    posttls-finger:l) _valija_words 'none may encrypt fingerprint verify secure dane dane-only' ;;
    posttls-finger:M) _valija_words 'may encrypt dane' ;;
    posttls-finger:c) return 1 ;; # has no argument
    post*:c) _valija_files -d ;;
    postconf:C) _valija_words 'builtin service user all' ;;
    postconf:T) _valija_words 'compile-version run-version public-key-algorithms' ;;
    postconf:o) _valija_names '' '=' && compopt -o nospace 2>/dev/null ;;
    postsuper:H) _valija_ids hold 'ALL -' ;;
    postsuper:h) _valija_ids '[^h][^"]*' 'ALL -' ;;
    postsuper:[deFfr]) _valija_ids '[^"]*' 'ALL -' ;;
    postqueue:i) _valija_ids '[^"]*' ;;
    postlog:p) _valija_words 'info warn error fatal panic' ;;
    postlock:l) _valija_words 'flock fcntl dotlock' ;;
    esac
    return 0
}

# What is no option.
_valija_positional() {
    case $1 in
    postfix)
        if [[ " ${COMP_WORDS[*]:1:COMP_CWORD-1} " == *' check '* ]]; then
            _valija_words '--json --notes'
        elif [[ " ${COMP_WORDS[*]:1:COMP_CWORD-1} " == *' post-install '* ]]; then
            _valija_words "$_valija_steps"
        else
            _valija_words "$_valija_commands"
        fi
        ;;
    postconf)
        case $given in
        *[MFP]*) _valija_services ;;
        *[bt]*) _valija_files ;;
        *[aAlm]*) ;;
        *e*) _valija_names '' '=' && compopt -o nospace 2>/dev/null ;;
        *[nX#]*) _valija_names -n ;;
        *) _valija_names ;;
        esac
        ;;
    postsuper) _valija_words 'hold incoming active deferred' ;;
    postcat)
        if [[ $given == *q* ]]; then _valija_ids '[^"]*'; else _valija_files; fi
        ;;
    postmap | postalias) _valija_table ;;
    postkick)
        local answer
        _valija_ask postconf -M
        _valija_words "public private $(sed 's/[[:space:]].*//' <<<"$answer")"
        ;;
    postlock) _valija_files ;;
    sendmail) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    esac
}

_valija() {
    local command=${1##*/} where=${1%"${1##*/}"} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local dir='' given='' i options
    COMPREPLY=()
    # what stands before the word at hand: the directory, and the letters of options
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* ]] && given+=${COMP_WORDS[i]#-}
        [[ ${COMP_WORDS[i]} == -c && $((i + 1)) -lt $COMP_CWORD ]] && dir=${COMP_WORDS[i + 1]}
    done
    [[ $cur == : ]] && prev=: cur=''
    if [[ $prev == -?* ]] && _valija_argument "$command" "${prev: -1}"; then
        return
    fi
    if [[ $cur == -* && " ${COMP_WORDS[*]:1:COMP_CWORD-1} " != *' check '* ]]; then
        options=${_valija_options[$command]//:/}
        _valija_words "$(sed 's/./-& /g' <<<"$options")"
        return
    fi
    _valija_positional "$command"
}

complete -F _valija "${!_valija_options[@]}"
