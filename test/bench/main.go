package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// settings are the flags.
type settings struct {
	root, vault, command string
	plan                 contest.Plan
	only                 *regexp.Regexp
	json, table, plot    string
	keys                 int
}

// fewestRounds is the least number of rounds of a run that is written into the docs.
const fewestRounds = 5

// manyKeys is the number of keys of a large service.
const manyKeys = 100_000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	report, err := measure(ctx, set, stderr)
	if len(report.Contests) == 0 {
		return err
	}
	fmt.Fprint(stdout, report.Table())
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return errors.Join(err, publish(report, set, stderr))
}

// parse reads the flags. Only a complete run with enough rounds writes the files in docs.
func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("make bench BENCH_FLAGS=", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.root, "root", ".", "the `FOLDER` of the source")
	flags.StringVar(&s.vault, "vault", "vault", "the Vault `PROGRAM`")
	flags.IntVar(&s.plan.Rounds, "rounds", fewestRounds, "how many rounds each contest has")
	flags.DurationVar(&s.plan.Duration, "duration", 2*time.Second, "how long each side runs in a round")
	only := flags.String("only", "", "run only the contests whose names match this `REGEX`")
	flags.StringVar(&s.json, "json", "", "write the results as JSON to `FILE`; into docs by default, after a complete run")
	flags.StringVar(&s.table, "table", "", "write the table into `FILE`, between its markers; into docs by default too")
	flags.StringVar(&s.plot, "plot", "", "draw the headlines into `FILE`, an SVG; into docs by default too")
	flags.IntVar(&s.keys, "keys", manyKeys, "how many keys a large service has")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if s.plan.Rounds < 1 || s.plan.Duration <= 0 || s.keys < fewKeys || flags.NArg() > 0 {
		return s, fmt.Errorf("give at least one round, a positive duration, at least %d keys, and flags only", fewKeys)
	}
	var err error
	if s.only, err = regexp.Compile(*only); err != nil {
		return s, err
	}
	if s.root, err = filepath.Abs(s.root); err != nil {
		return s, err
	}
	s.command = commandLine(args)
	if *only == "" && s.plan.Rounds >= fewestRounds && s.keys == manyKeys {
		s.json = cmp.Or(s.json, filepath.Join(s.root, "docs", "performance.json"))
		s.table = cmp.Or(s.table, filepath.Join(s.root, "docs", "performance.md"))
		s.plot = cmp.Or(s.plot, filepath.Join(s.root, "docs", "images", "performance.svg"))
	}
	return s, nil
}

// measure runs the contests. One that fails is reported, and the others continue.
func measure(ctx context.Context, set settings, stderr io.Writer) (report contest.Report, err error) {
	servers.ClearEnvironment()
	s, err := openStage(ctx, set, stderr)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if report, err = describe(ctx, set); err != nil {
		return report, err
	}
	var failed []error
	for _, c := range s.contests() {
		if !set.only.MatchString(c.Name) || ctx.Err() != nil {
			continue
		}
		fmt.Fprintln(stderr, c.Name, "...")
		rows, err := c.Run(ctx, set.plan)
		if err != nil {
			// The lines after the first are the end of a log, for the terminal only.
			reason, _, _ := strings.Cut(err.Error(), "\n")
			report.Unmeasured = append(report.Unmeasured, reason)
			failed = append(failed, err)
		}
		report.Contests = append(report.Contests, rows...)
	}
	if len(report.Contests)+len(failed) == 0 {
		failed = append(failed, errors.New("no contest matches -only"))
	}
	return report, errors.Join(failed...)
}

func publish(report contest.Report, set settings, stderr io.Writer) error {
	var errs []error
	if set.json != "" {
		errs = append(errs, report.WriteJSON(set.json))
	}
	if set.table != "" {
		errs = append(errs, report.WriteTable(set.table))
	}
	if set.plot != "" {
		errs = append(errs, report.WritePlot(set.plot))
	}
	if set.json == "" && set.table == "" && set.plot == "" {
		fmt.Fprintln(stderr, "docs are unchanged: they take complete runs of at least", fewestRounds, "rounds")
	}
	return errors.Join(errs...)
}
