/* How many session pairs shall wait for a client: pure (pool.h). */
#include "server/pool.h"

void pool_target_init(struct pool_target *target, uint32_t min, uint32_t max, int64_t now_ms)
{
	*target = (struct pool_target){ .min = min, .max = max, .now = min, .rushed_at = now_ms };
}

void pool_target_taken(struct pool_target *target, uint32_t idle, int64_t now_ms)
{
	if (idle > 0 && idle >= target->now / 2)
		return;
	target->rushed_at = now_ms;
	target->now = target->now > target->max / 2 ? target->max : target->now * 2;
}

void pool_target_calm(struct pool_target *target, int64_t now_ms)
{
	if (now_ms - target->rushed_at < POOL_CALM_MS)
		return;
	target->now -= (target->now - target->min + 3) / 4;
}
