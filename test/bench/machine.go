package main

import (
	"cmp"
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

// describe starts the report with the plan and the machine.
func describe(ctx context.Context, set settings) (contest.Report, error) {
	r := contest.Report{
		Command: set.command, Date: time.Now().UTC().Format(time.DateTime) + " UTC",
		Go: runtime.Version(), CPU: cpu(ctx), Cores: runtime.NumCPU(), OS: output(ctx, "uname", "-sr"),
		Rounds: set.plan.Rounds, Duration: set.plan.Duration.String(),
	}
	version, err := exec.CommandContext(ctx, set.vault, "version").Output()
	if err != nil {
		return r, fmt.Errorf("%s version: %w", set.vault, err)
	}
	r.Vault, _, _ = strings.Cut(strings.TrimSpace(string(version)), ",")
	r.Commit = commit(ctx, set.root)
	return r, nil
}

// commit is the commit of the source, marked if the source has other changes.
func commit(ctx context.Context, root string) string {
	id := output(ctx, "git", "-C", root, "rev-parse", "--short=12", "HEAD")
	if id == "" {
		return "unknown"
	}
	// The files that this program writes don't count.
	changed := output(ctx, "git", "-C", root, "status", "--porcelain", "--",
		".", ":!docs/performance.md", ":!docs/performance.json", ":!docs/images/performance.svg")
	if changed != "" {
		id += " with changes"
	}
	return id
}

var cpuModel = regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`)

func cpu(ctx context.Context) string {
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if match := cpuModel.FindSubmatch(info); match != nil {
			return string(match[1])
		}
	}
	return cmp.Or(output(ctx, "sysctl", "-n", "machdep.cpu.brand_string"), runtime.GOARCH)
}

// output is what a command prints, or "" if it fails, since the machine may not have it.
func output(ctx context.Context, name string, args ...string) string {
	printed, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(printed))
}

// ownFlags are the flags that scripts/bench.sh adds: paths of this machine, which mean nothing elsewhere.
var ownFlags = regexp.MustCompile(`^-(root|vault)=`)

// commandLine is the command as the user typed it.
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
