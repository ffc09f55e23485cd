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

enum { US_PER_S = 1000000, FRACTION_DIGITS = 6 };

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

/* The unit that the last printed digit counts: a power of ten of microseconds. */
static int64_t last_digit_unit(int64_t us, int resolution)
{
    int64_t finest = 1;
    for (int digit = resolution; digit < FRACTION_DIGITS; digit++)
        finest *= 10;
    int64_t unit = 1;
    for (int64_t rest = us; rest >= 100; rest /= 10) /* two digits stay */
        unit *= 10;
    return MIN(MAX(unit, finest), (int64_t)US_PER_S);
}

void clock_format_delay(int64_t us, int resolution, struct strbuf *out)
{
    us = MAX(us, (int64_t)0); /* the clock was set back */
    int64_t unit = last_digit_unit(us, resolution);
    us = (us + unit / 2) / unit * unit;
    strbuf_addf(out, "%lld", (long long)(us / US_PER_S));
    int64_t fraction = us % US_PER_S;
    if (fraction == 0)
        return;
    int digits = FRACTION_DIGITS;
    for (; fraction % 10 == 0; fraction /= 10)
        digits--;
    strbuf_addf(out, ".%0*lld", digits, (long long)fraction);
}
