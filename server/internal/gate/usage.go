package gate

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Usage is what has been asked for under one rate limit: that of a class of an account in a region, or of a dedicated
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

// Usage returns what has been asked for under each rate limit that has had a request, in no order.
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
	// minute is the one, counted from 1970, in which current requests have passed; previous have in the one before.
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

// turnTo moves on to the present minute.
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

// perSecond is the average of the minute before now. Of the previous minute it takes the part that is not yet over.
func (m meter) perSecond(now time.Time) float64 {
	m.turnTo(now)
	left := secondsPerMinute - float64(now.Unix()%secondsPerMinute)
	return (float64(m.current) + float64(m.previous)*left/secondsPerMinute) / secondsPerMinute
}
