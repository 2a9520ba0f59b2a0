package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// describe says what is measured, and on what machine.
func describe(ctx context.Context, set settings) (contest.Report, error) {
	r := contest.Report{
		Command: set.command, Date: time.Now().UTC().Format(time.DateTime) + " UTC", Go: runtime.Version(), CPU: cpu(ctx),
		Cores: runtime.NumCPU(), OS: output(ctx, "uname", "-sr"), Rounds: set.plan.Rounds, Duration: set.plan.Duration.String(),
	}
	version, err := exec.CommandContext(ctx, set.vault, "version").Output()
	if err != nil {
		return r, fmt.Errorf("%s version: %w", set.vault, err)
	}
	r.Vault, _, _ = strings.Cut(strings.TrimSpace(string(version)), ",")
	r.Commit = commit(ctx, set.root)
	return r, nil
}

// commit is that of the source; what is not committed is told.
func commit(ctx context.Context, root string) string {
	id := output(ctx, "git", "-C", root, "rev-parse", "--short=12", "HEAD")
	if id == "" {
		return "unknown"
	}
	// What this program itself writes does not count.
	if output(ctx, "git", "-C", root, "status", "--porcelain", "--", ".", ":!docs/performance.md", ":!docs/performance.json") != "" {
		id += " with changes"
	}
	return id
}

var cpuModel = regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`)

func cpu(ctx context.Context) string {
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if match := cpuModel.FindSubmatch(text); match != nil {
			return string(match[1])
		}
	}
	return orElse(output(ctx, "sysctl", "-n", "machdep.cpu.brand_string"), runtime.GOARCH)
}

// output is what a command prints, or "" if it fails: the machine may lack it.
func output(ctx context.Context, name string, args ...string) string {
	text, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// ownFlags are those that scripts/bench.sh gives; they say nothing to others.
var ownFlags = regexp.MustCompile(`^-(root|vault)=`)

// commandLine is what a person has typed.
func commandLine(args []string) string {
	var given []string
	for _, arg := range args {
		if ownFlags.MatchString(arg) {
			continue
		}
		if strings.ContainsAny(arg, " |()[]*?$^") {
			arg = "'" + arg + "'"
		}
		given = append(given, arg)
	}
	if len(given) == 0 {
		return "make bench"
	}
	return fmt.Sprintf("make bench BENCH_FLAGS=%q", strings.Join(given, " "))
}
