package gate

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Usage counts the requests under one rate limit: that of a class for an account in a region, or for a dedicated
// gateway.
type Usage struct {
	Account, Region string
	// Gateway is the KMS instance of a dedicated gateway; Account and Region are empty then.
	Gateway string
	Class   kmsapi.RateClass
	// Limit is in requests a second.
	Limit int
	// PerSecond is how many requests a second were let through in the last minute, on average.
	PerSecond float64
	// Passed and Refused count requests since the start, or since a reload has changed a rate limit.
	Passed, Refused uint64
}

// Usage returns the usage of each rate limit that has had a request, in no particular order.
func (g *Gate) Usage() []Usage {
	rates, now := g.rates.Load(), g.clock()
	var all []Usage
	for key, counted := range rates.limiters.meters() {
		limit := rates.perSecond[key.class]
		if key.gateway != "" {
			limit = rates.dedicated[key.gateway]
		}
		all = append(all, Usage{
			Account: key.account, Region: key.region, Gateway: key.gateway, Class: key.class, Limit: limit,
			PerSecond: counted.perSecond(now), Passed: counted.passed, Refused: counted.refused,
		})
	}
	return all
}

// meters returns a copy of the meter of each limiter.
func (l *limiters[K]) meters() map[K]meter {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[K]meter, len(l.byKey))
	for key, r := range l.byKey {
		all[key] = r.counted
	}
	return all
}

// meter counts the requests of a limiter.
type meter struct {
	passed, refused uint64
	// minute is the minute, counted from 1970, in which current requests have passed; in the minute before it, previous
	// passed.
	minute            int64
	current, previous uint32
}

const secondsPerMinute = 60

// count counts a request at now.
func (m *meter) count(now time.Time, passed bool) {
	if !passed {
		m.refused++
		return
	}
	m.passed++
	m.turnTo(now)
	m.current++
}

// turnTo moves on to the minute that now is in.
func (m *meter) turnTo(now time.Time) {
	minute := now.Unix() / secondsPerMinute
	switch minute - m.minute {
	case 0:
		return
	case 1:
		m.previous = m.current
	default:
		m.previous = 0
	}
	m.minute, m.current = minute, 0
}

// perSecond returns the average rate of the 60 seconds before now. The previous minute counts in proportion to its part
// of them.
func (m meter) perSecond(now time.Time) float64 {
	m.turnTo(now)
	left := secondsPerMinute - float64(now.Unix()%secondsPerMinute)
	return (float64(m.current) + float64(m.previous)*left/secondsPerMinute) / secondsPerMinute
}
