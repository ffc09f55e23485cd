/* A plug-in of Cyrus SASL for tests: the client's side of XOAUTH2, the password being the token. A
 * failure comes as a challenge, which wants an empty response. */
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

struct session {
    int has_begun;
    char text[2000];
};

static int begin(void *global, sasl_client_params_t *params, void **ret)
{
    (void)global;
    (void)params;
    *ret = calloc(1, sizeof(struct session));
    return *ret ? SASL_OK : SASL_NOMEM;
}

static const char *ask_user(sasl_client_params_t *params)
{
    sasl_getsimple_t *get = NULL;
    void *context = NULL;
    const char *user = "";
    if (params->utils->getcallback(params->utils->conn, SASL_CB_AUTHNAME,
                                   (sasl_callback_ft *)(void *)&get, &context) == SASL_OK)
        get(context, SASL_CB_AUTHNAME, &user, NULL);
    return user;
}

static const char *ask_token(sasl_client_params_t *params)
{
    sasl_getsecret_t *get = NULL;
    void *context = NULL;
    sasl_secret_t *secret = NULL;
    if (params->utils->getcallback(params->utils->conn, SASL_CB_PASS,
                                   (sasl_callback_ft *)(void *)&get, &context) == SASL_OK)
        get(params->utils->conn, context, SASL_CB_PASS, &secret);
    return secret ? (const char *)secret->data : "";
}

static int step(void *context, sasl_client_params_t *params, const char *in, unsigned in_len,
                sasl_interact_t **prompts, const char **out, unsigned *out_len,
                sasl_out_params_t *result)
{
    struct session *s = context;
    (void)in;
    (void)in_len;
    (void)prompts;
    *out = s->text;
    *out_len = 0;
    if (s->has_begun) {
        s->text[0] = 0;
        return SASL_OK;
    }
    const char *user = ask_user(params);
    int length =
        snprintf(s->text, sizeof s->text, "user=%s\1auth=Bearer %s\1\1", user, ask_token(params));
    int status =
        params->canon_user(params->utils->conn, user, 0, SASL_CU_AUTHID | SASL_CU_AUTHZID, result);
    if (status != SASL_OK || length < 0 || length >= (int)sizeof s->text)
        return SASL_FAIL;
    *out_len = (unsigned)length;
    s->has_begun = 1;
    return SASL_CONTINUE;
}

static void end(void *context, const sasl_utils_t *utils)
{
    (void)utils;
    free(context);
}

PUBLIC int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *version,
                                 sasl_client_plug_t **plugins, int *count);
PUBLIC int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *version,
                                 sasl_client_plug_t **plugins, int *count)
{
    static sasl_client_plug_t plugin = {
        .mech_name = "XOAUTH2",
        .max_ssf = 60,
        .security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,
        .features = SASL_FEAT_WANT_CLIENT_FIRST,
        .mech_new = begin,
        .mech_step = step,
        .mech_dispose = end,
    };
    (void)utils;
    if (max_version < SASL_CLIENT_PLUG_VERSION)
        return SASL_BADVERS;
    *version = SASL_CLIENT_PLUG_VERSION;
    *plugins = &plugin;
    *count = 1;
    return SASL_OK;
}
