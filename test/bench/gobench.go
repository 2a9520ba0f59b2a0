package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// goBenchmark is a Go benchmark of a package that can't be imported from here. It runs in its own process, on the same
// disk as everything else.
type goBenchmark struct {
	// binary is the package's compiled tests.
	binary string
	// name is a pattern for go test -bench that matches one benchmark.
	name string
	// metric is the unit of the number that is compared.
	metric string
}

// compileTests builds the tests of a package.
func (s *stage) compileTests(ctx context.Context, pkg string) (string, error) {
	binary := filepath.Join(s.dir, filepath.Base(pkg)+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-C", s.root, "-c", "-o", binary, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling the tests of %s: %w\n%s", pkg, err, out)
	}
	return binary, nil
}

func (b goBenchmark) side(dir string) contest.Side {
	return contest.Side{Name: "ours", Run: func(ctx context.Context, d time.Duration) (contest.Sample, error) {
		cmd := exec.CommandContext(ctx, b.binary, "-test.run=^$", "-test.bench="+b.name, "-test.benchtime="+d.String())
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", b.name, err, out)
		}
		rate, err := b.read(string(out))
		return contest.Sample{contest.PerSecond: rate}, err
	}}
}

// read finds the metric in what the benchmark prints.
func (b goBenchmark) read(out string) (float64, error) {
	pattern := regexp.MustCompile(`(?m)^Benchmark.*\s([0-9.e+]+) ` + regexp.QuoteMeta(b.metric) + `(\s|$)`)
	found := pattern.FindStringSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("no benchmark %s reports %s:\n%s", b.name, b.metric, out)
	}
	return strconv.ParseFloat(found[1], 64)
}
