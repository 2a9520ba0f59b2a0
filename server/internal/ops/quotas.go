package ops

// Quota is the most that an account may have of something in a region.
type Quota struct {
	// Of is what the quota counts, as in the name of its metric, such as "keys".
	Of string
	// Most is the quota, or negative if there is none.
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
