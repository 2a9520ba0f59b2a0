package ops

// Quota is the most that an account may have of something in a region.
type Quota struct {
	// Of is the name of the metric that counts it, such as "keys".
	Of string
	// Most is negative if any number is allowed.
	Most int
}

var quotaDesc = describe("quota",
	"How many of what the metric in the label counts an account may have in a region; none without a quota.", "metric")

func (g gauges) quotas(all []Quota) {
	for _, quota := range all {
		if quota.Most >= 0 {
			g.set(quotaDesc, float64(quota.Most), namePrefix+quota.Of)
		}
	}
}
