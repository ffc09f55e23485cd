#!/bin/sh
# configure-instance.sh [INSTANCE]: put into the jail what "postfix start" does not put there.
#
# Those are directories of certification authorities, which OpenSSL reads when it meets a
# certificate, and what /etc/default/postfix adds: chroot_extra_files and chroot_extra_CAdir.
# /etc/resolv.conf and its like are copied by "postfix start" itself (postfix(1), THE JAIL).
set -eu
instance=${1:--}
if [ "$instance" = - ]; then
    config=/etc/postfix
else
    config=$(postmulti -i "$instance" -l | awk '{print $NF}')
    [ -d "$config" ] || { echo "$0: no instance $instance" >&2; exit 1; }
fi
[ -e "$config/main.cf" ] || exit 0

chroot_extra_files=
chroot_extra_CAdir=
if [ -r /etc/default/postfix ]; then
    # shellcheck disable=SC1091
    . /etc/default/postfix
fi

setting() { postconf -c "$config" -hx "$1"; }

queue=$(setting queue_directory)
# only where somebody looks through the jail
postconf -c "$config" -M | awk '$5 == "y" {found = 1} END {exit !found}' || exit 0
[ -d "$queue" ] || exit 0

# make the directories of $1 inside the jail; a link there is no directory of ours
jail_dir() {
    path=$queue
    rest=${1#/}
    while [ -n "$rest" ]; do
        path=$path/${rest%%/*}
        [ ! -L "$path" ] || { echo "$0: $path is a symbolic link" >&2; return 1; }
        [ -d "$path" ] || mkdir -m 755 "$path"
        case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    done
}

# the directory under its own name, with what links in it lead to, and nothing that is gone
copy_CAdir() {
    case $1 in /*) ;; *) return 0 ;; esac
    [ -d "$1" ] || return 0
    jail_dir "$1" || return 0
    find "$queue$1" -mindepth 1 -maxdepth 1 -name '*.[0-9]' -delete
    find "$1" -mindepth 1 -maxdepth 1 -name '*.[0-9]' -exec cp -L --preserve=timestamps -t "$queue$1" {} + || true
}

for dir in $(for name in smtp lmtp smtpd tlsproxy; do setting "${name}_tls_CApath"; done | sort -u) \
    $chroot_extra_CAdir; do
    copy_CAdir "$dir"
done
for file in $chroot_extra_files; do
    case $file in /*) ;; *) continue ;; esac
    [ -f "$file" ] || continue
    jail_dir "$(dirname "$file")" && cp -L --preserve=timestamps,mode --remove-destination "$file" "$queue$file"
done
