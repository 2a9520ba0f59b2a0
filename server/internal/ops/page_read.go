package ops

import (
	"context"
	"errors"
)

// maxEvents is how many events of a kind the page shows.
const maxEvents = 10

// reading is everything that the page shows besides the fields of a [Status].
type reading struct {
	figures Figures
	usage   []Usage
	records Records
	counts  counts
	// node is nil for a service without a cluster.
	node *Node
}

func (r reading) isStandby() bool { return r.node != nil && !r.node.Active }

// read calls the functions of a status and reads the counters. With an error, it returns what could be read.
func (s Status) read(ctx context.Context, m *Metrics) (r reading, err error) {
	var errs [2]error
	r.figures, r.usage = s.Figures(), s.Usage()
	r.records, errs[0] = s.Records(ctx, maxEvents+1) // An additional one shows that there are more.
	r.counts, errs[1] = m.counts()
	return r, errors.Join(errs[:]...)
}
