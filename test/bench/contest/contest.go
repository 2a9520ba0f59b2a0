package contest

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Measure is a quantity. Its string is the unit in the table.
type Measure string

// The measures of a [Sample].
const (
	PerSecond    Measure = "requests/s"
	ItemsASecond Measure = "items/s"
	Time         Measure = "µs"
	Allocations  Measure = "allocations"
	P50          Measure = "p50 ms"
	P99          Measure = "p99 ms"
	Ready        Measure = "ready after s"
	Away         Measure = "away s"
	Memory       Measure = "resident MiB"
	KMSCalls     Measure = "KMS calls a request"
	AllKMSCalls  Measure = "KMS calls"
	StorageCalls Measure = "storage calls a request"
)

// Sample is the result of one run of a side.
type Sample map[Measure]float64

// A Side is one of the ways to compare.
type Side struct {
	Name string
	// Prepare precedes every run and is not measured. It may be nil.
	Prepare func(ctx context.Context, d time.Duration) error
	// Run works for about d, or until its supply is used up.
	Run func(ctx context.Context, d time.Duration) (Sample, error)
}

// A Contest compares our side with its peers. Without peers, ours is only measured.
type Contest struct {
	Name string
	// Open makes the sides, ours first. close, which may be nil, releases what only they use.
	Open    func(ctx context.Context) (sides []Side, close func() error, err error)
	Figures []Figure
	// Finer multiplies the rounds and divides their duration, for sides that are closer to each other than two runs of one
	// are on a busy machine: the median of many short pairs tells them apart. Zero leaves the plan as it is.
	Finer int
	// Rounds replaces the plan's, for sides that do one thing in a round, however long it takes; zero leaves the plan
	// as it is.
	Rounds int
}

// plan is the plan of one contest.
func (c Contest) plan(p Plan) Plan {
	if c.Rounds > 0 {
		p.Rounds = c.Rounds
	}
	return p.finer(c.Finer)
}

// Plan says how often and how long each side runs.
type Plan struct {
	Rounds   int
	Duration time.Duration
}

// finer is the same time in more rounds.
func (p Plan) finer(times int) Plan {
	if times > 1 {
		p.Rounds, p.Duration = p.Rounds*times, p.Duration/time.Duration(times)
	}
	return p
}

// Run runs every side once to warm up, and then the rounds, every other one in reverse order, so that drift on the
// machine affects all sides alike.
func (c Contest) Run(ctx context.Context, p Plan) ([]Row, error) {
	sides, end, err := c.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	rounds, err := play(ctx, sides, c.plan(p))
	if end != nil {
		if failed := end(); err == nil {
			err = failed
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	var rows []Row
	for _, f := range c.Figures {
		rows = append(rows, f.row(c.Name, sides, rounds))
	}
	return rows, nil
}

// play returns the samples of every round, in the order of the sides.
func play(ctx context.Context, sides []Side, p Plan) ([][]Sample, error) {
	const warmUp = 4 // parts of a run
	if _, err := round(ctx, sides, p.Duration/warmUp, false); err != nil {
		return nil, err
	}
	var rounds [][]Sample
	for i := range p.Rounds {
		samples, err := round(ctx, sides, p.Duration, i%2 == 1)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, samples)
	}
	return rounds, nil
}

func round(ctx context.Context, sides []Side, d time.Duration, reverse bool) ([]Sample, error) {
	samples := make([]Sample, len(sides))
	order := make([]int, 0, len(sides))
	for i := range sides {
		order = append(order, i)
	}
	if reverse {
		slices.Reverse(order)
	}
	for _, i := range order {
		sample, err := sides[i].once(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sides[i].Name, err)
		}
		samples[i] = sample
	}
	return samples, nil
}

func (s Side) once(ctx context.Context, d time.Duration) (Sample, error) {
	if s.Prepare != nil {
		if err := s.Prepare(ctx, d); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return s.Run(ctx, d)
}
