package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// version is the version of the release that the tests make.
const version = "v9.8.7"

// made is the release for linux/amd64, made twice: from the repository, and from a copy elsewhere.
var made Release

func TestMain(m *testing.M) {
	os.Exit(makeAndRun(m))
}

func makeAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "release-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root, err := filepath.Abs("../..")
	if err == nil {
		made = Release{Root: root, Out: filepath.Join(dir, "dist"), Version: version, Only: "linux_amd64"}
		made.Time, err = commitTime(context.Background(), root)
	}
	began := time.Now()
	if err == nil {
		err = makeOnceOrTwice()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("made linux/amd64 in %.0f s\n", time.Since(began).Seconds())
	return m.Run()
}

// makeOnceOrTwice makes the release once with -short, with the user's build cache.
func makeOnceOrTwice() error {
	flag.Parse()
	if testing.Short() {
		return made.Make(context.Background())
	}
	return check(context.Background(), &made)
}
