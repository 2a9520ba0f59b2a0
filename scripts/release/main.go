package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

var errChanged = errors.New("there are changes that are in no commit; a release is made from a commit")

func main() {
	version := flag.String("version", "", "the release's `version`, vX.Y.Z")
	root := flag.String("root", "../..", "the repository's `folder`")
	twice := flag.Bool("check", false, "build everything twice and compare")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *version, *twice); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, version string, twice bool) error {
	if !versions.MatchString(version) {
		return fmt.Errorf("%q: %w", version, errVersion)
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	changed, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("%w:\n%s", errChanged, changed)
	}
	at, err := commitTime(ctx, root)
	if err != nil {
		return err
	}
	r := &Release{Root: root, Out: filepath.Join(root, "dist"), Version: version, Time: at}
	if twice {
		return check(ctx, r)
	}
	return r.Make(ctx)
}
