#include "hint/httpdate.h"

/* A date as written, in the proleptic Gregorian calendar, UTC unless
   `offset` (minutes east of it) says other. */
struct civil {
  int year, month, day;
  int hour, minute, second;
  int offset;
  uint32_t micro;
};

static const char *const weekdays[] = {
    "Monday",   "Tuesday", "Wednesday", "Thursday", "Friday",
    "Saturday", "Sunday",  "Mon",       "Tue",      "Wed",
    "Thu",      "Fri",     "Sat",       "Sun",      NULL};

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May",
                                     "Jun", "Jul", "Aug", "Sep", "Oct",
                                     "Nov", "Dec", NULL};

/* Days since 1970-01-01. H. Hinnant, "chrono-Compatible Low-Level Date
   Algorithms", days_from_civil: years start in March, so that the leap day
   is the last one. */
static int64_t days(int year, int month, int day)
{
  int64_t y = month > 2 ? year : year - 1;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t in_era = y - era * 400;
  int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
  return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year +
         day - 1 - 719468;
}

static lull_usec moment(const struct civil *c)
{
  int64_t s = days(c->year, c->month, c->day) * 86400;
  s += c->hour * 3600 + (c->minute - c->offset) * 60 + c->second;
  return s * LULL_SEC + c->micro;
}

static int month_length(int year, int month)
{
  static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return length[month - 1] + (month == 2 && leap);
}

/* Ends every form: is it a day that exists, with nothing after it? */
static bool finish(const struct lull_scan *s, const struct civil *c,
                   lull_usec *at)
{
  if (!lull_scan_done(s) || c->month < 1 || c->month > 12 || c->day < 1 ||
      c->day > month_length(c->year, c->month))
    return false;
  *at = moment(c);
  return true;
}

/* Takes one of the names and gives its number from 1. */
static bool name(struct lull_scan *s, const char *const *names, int *n)
{
  for (*n = 1; *names; names++, ++*n)
    if (lull_scan_word(s, *names))
      return true;
  return false;
}

static bool weekday(struct lull_scan *s, const char *after)
{
  int n;
  return name(s, weekdays, &n) && lull_scan_word(s, after);
}

/* hh:mm */
static bool hours(struct lull_scan *s, struct civil *c)
{
  return lull_scan_fixed(s, 2, &c->hour) && lull_scan_char(s, ':') &&
         lull_scan_fixed(s, 2, &c->minute) && c->hour < 24 && c->minute < 60;
}

/* hh:mm:ss, second 60 being the leap second (RFC 9110 section 5.6.7). */
static bool clock_time(struct lull_scan *s, struct civil *c)
{
  return hours(s, c) && lull_scan_char(s, ':') &&
         lull_scan_fixed(s, 2, &c->second) && c->second <= 60;
}

/* Day, month and year of the given number of digits, then the time: the
   common part of IMF-fixdate and of the form of RFC 850. */
static bool day_first(struct lull_scan *s, char mark, int width,
                      struct civil *c)
{
  return weekday(s, ", ") && lull_scan_fixed(s, 2, &c->day) &&
         lull_scan_char(s, mark) && name(s, months, &c->month) &&
         lull_scan_char(s, mark) && lull_scan_fixed(s, width, &c->year) &&
         lull_scan_char(s, ' ') && clock_time(s, c) && lull_scan_char(s, ' ');
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool fixdate(struct lull_scan s, lull_usec *at)
{
  struct civil c = {0};
  return day_first(&s, ' ', 4, &c) && lull_scan_word(&s, "GMT") &&
         finish(&s, &c, at);
}

/* A date 50 years earlier is not after now, or it is more than 50 years
   ahead. */
static bool too_far(struct civil c, lull_usec now)
{
  c.year -= 50;
  return moment(&c) > now;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool two_digits(struct lull_scan s, lull_usec now, lull_usec *at)
{
  struct civil c = {0};
  if (!day_first(&s, '-', 2, &c) || !lull_scan_word(&s, "GMT"))
    return false;
  for (c.year += 9900; c.year >= 100 && too_far(c, now); c.year -= 100)
    ;
  return finish(&s, &c, at);
}

/* "Sun Nov  6 08:49:37 1994": a blank stands for the first digit. */
static bool asctime_form(struct lull_scan s, lull_usec *at)
{
  struct civil c = {0};
  if (!weekday(&s, " ") || !name(&s, months, &c.month) ||
      !lull_scan_char(&s, ' '))
    return false;
  return lull_scan_fixed(&s, lull_scan_char(&s, ' ') ? 1 : 2, &c.day) &&
         lull_scan_char(&s, ' ') && clock_time(&s, &c) &&
         lull_scan_char(&s, ' ') && lull_scan_fixed(&s, 4, &c.year) &&
         finish(&s, &c, at);
}

bool lull_httpdate_read(struct lull_scan text, lull_usec now, lull_usec *at)
{
  return fixdate(text, at) || two_digits(text, now, at) ||
         asctime_form(text, at);
}

/* Hours and minutes east of UTC, with or without a colon between. */
static bool offset(struct lull_scan *s, const char *colon, struct civil *c)
{
  bool west = lull_scan_char(s, '-');
  int hour, minute;
  if (!west && !lull_scan_char(s, '+'))
    return false;
  if (!lull_scan_fixed(s, 2, &hour) || !lull_scan_word(s, colon) ||
      !lull_scan_fixed(s, 2, &minute) || hour > 23 || minute > 59)
    return false;
  c->offset = (hour * 60 + minute) * (west ? -1 : 1);
  return true;
}

/* The seconds' fraction. It is read together with the digit before the
   point, so that one reader rounds all fractions. */
static bool fraction(struct lull_scan *s, struct civil *c)
{
  struct lull_scan_decimal d;
  s->at--;
  if (!lull_scan_decimal(s, &d))
    return false;
  c->micro = d.micro;
  return true;
}

/* "2023-09-29T" */
static bool iso_day(struct lull_scan *s, struct civil *c)
{
  return lull_scan_fixed(s, 4, &c->year) && lull_scan_char(s, '-') &&
         lull_scan_fixed(s, 2, &c->month) && lull_scan_char(s, '-') &&
         lull_scan_fixed(s, 2, &c->day) &&
         (lull_scan_char(s, 'T') || lull_scan_char(s, 't') ||
          lull_scan_char(s, ' '));
}

static bool zulu(struct lull_scan *s)
{
  return lull_scan_char(s, 'Z') || lull_scan_char(s, 'z');
}

bool lull_httpdate_iso(struct lull_scan s, lull_usec *at)
{
  struct civil c = {0};
  if (!iso_day(&s, &c) || !clock_time(&s, &c))
    return false;
  if (lull_scan_peek(&s) == '.' && !fraction(&s, &c))
    return false;
  if (!zulu(&s) && !offset(&s, ":", &c))
    return false;
  return finish(&s, &c, at);
}

/* Seconds and their fraction, if they are there. */
static bool loose_seconds(struct lull_scan *s, struct civil *c)
{
  if (!lull_scan_char(s, ':'))
    return true;
  if (!lull_scan_fixed(s, 2, &c->second) || c->second > 60)
    return false;
  return lull_scan_peek(s) != '.' || fraction(s, c);
}

/* "+02:00", "+0200" or "+02". */
static bool loose_offset(struct lull_scan *s, struct civil *c)
{
  struct lull_scan from = *s;
  int hour;
  bool west;
  if (offset(s, ":", c))
    return true;
  *s = from;
  if (offset(s, "", c))
    return true;
  *s = from;
  west = lull_scan_char(s, '-');
  if ((!west && !lull_scan_char(s, '+')) || !lull_scan_fixed(s, 2, &hour) ||
      hour > 23)
    return false;
  c->offset = hour * (west ? -60 : 60);
  return true;
}

static bool loose_iso(struct lull_scan s, lull_usec *at)
{
  struct civil c = {0};
  return iso_day(&s, &c) && hours(&s, &c) && loose_seconds(&s, &c) &&
         (zulu(&s) || loose_offset(&s, &c)) && finish(&s, &c, at);
}

static bool mail_date(struct lull_scan s, lull_usec *at)
{
  struct civil c = {0};
  return day_first(&s, ' ', 4, &c) && offset(&s, "", &c) && finish(&s, &c, at);
}

bool lull_httpdate_loose(struct lull_scan text, lull_usec *at)
{
  return loose_iso(text, at) || mail_date(text, at);
}

/* The zone's name in brackets says nothing that the offset did not. */
static bool zone_name(struct lull_scan *s)
{
  if (lull_scan_done(s))
    return true;
  if (!lull_scan_word(s, " (") || lull_scan_done(s) || s->end[-1] != ')')
    return false;
  s->at = s->end;
  return true;
}

bool lull_httpdate_script(struct lull_scan s, lull_usec *at)
{
  struct civil c = {0};
  if (!weekday(&s, " ") || !name(&s, months, &c.month) ||
      !lull_scan_char(&s, ' ') || !lull_scan_fixed(&s, 2, &c.day) ||
      !lull_scan_char(&s, ' ') || !lull_scan_fixed(&s, 4, &c.year) ||
      !lull_scan_char(&s, ' ') || !clock_time(&s, &c) ||
      !lull_scan_word(&s, " GMT") || !offset(&s, "", &c) || !zone_name(&s))
    return false;
  return finish(&s, &c, at);
}
