#include "base/clock.h"

static int64_t clock_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void clock_real(struct timeval *now)
{
    gettimeofday(now, NULL);
}

int64_t (*clock_now_ms)(void) = clock_monotonic_ms;
void (*clock_wall)(struct timeval *now) = clock_real;

/* names are not taken from the locale: mail dates are English */
static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void clock_format_mail_date(time_t when, struct strbuf *out)
{
    struct tm tm;
    if (!localtime_r(&when, &tm))
        return;
    long minutes = tm.tm_gmtoff / 60;
    char sign = minutes < 0 ? '-' : '+';
    minutes = labs(minutes);
    strbuf_addf(out, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[tm.tm_wday], tm.tm_mday,
                months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, sign,
                minutes / 60, minutes % 60);
    if (tm.tm_zone && *tm.tm_zone)
        strbuf_addf(out, " (%s)", tm.tm_zone);
}

void clock_format_ctime(time_t when, struct strbuf *out)
{
    struct tm tm;
    if (!localtime_r(&when, &tm))
        return;
    strbuf_addf(out, "%s %s %2d %02d:%02d:%02d %d", days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday,
                tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_year + 1900);
}
