#include "lane/ticket.h"

static const char *const causes[LULL_CAUSES] = {
    [LULL_CAUSE_NONE] = "none",       [LULL_CAUSE_PARALLEL] = "parallel",
    [LULL_CAUSE_RATE] = "rate",       [LULL_CAUSE_PAUSE] = "pause",
    [LULL_CAUSE_PACE] = "pace",       [LULL_CAUSE_BREAKER] = "breaker",
    [LULL_CAUSE_LEARNED] = "learned", [LULL_CAUSE_FILES] = "files",
};

const char *lull_ticket_cause_name(enum lull_lane_cause cause)
{
  return (unsigned)cause < LULL_CAUSES ? causes[cause] : "none";
}
