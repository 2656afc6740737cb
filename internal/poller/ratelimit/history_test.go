package ratelimit

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestHistoryLastCountsLastHour(t *testing.T) {
	chance, h, now := rand.New(rand.NewPCG(1, 1)), history{}, start
	for range 20_000 {
		now = now.Add(time.Duration(chance.IntN(20)) * time.Second)
		if chance.IntN(3000) == 0 {
			now = now.Add(3 * time.Hour)
		}
		if chance.IntN(3) > 0 {
			h.add(now, 1+chance.IntN(3))
		}
		if chance.IntN(2) > 0 {
			continue
		}
		from := now.Unix() - 3600
		if got, _ := h.last(from); got != h.count(from, math.MaxInt64) {
			t.Fatalf("after %s: %d, want %d", now.Sub(start), got, h.count(from, math.MaxInt64))
		}
	}
}
