package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Release is one commit of the repository under a version.
type Release struct {
	// Root is the repository's folder.
	Root string
	// Out is the folder of the release's files.
	Out string
	// Version is vX.Y.Z.
	Version string
	// Time is the commit's.
	Time time.Time
	// Cache is the folder of Go's build cache; empty means the user's.
	Cache string
	// Only limits the release to one platform, if it is not empty.
	Only string
}

// A Built is a program for one platform.
type Built struct {
	Program
	Platform
	// File is the path of the executable.
	File string
}

var errVersion = errors.New("a release has a version such as v1.2.3: make release VERSION=v1.2.3")

// Without leading zeros, as semantic versions are.
var versions = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)

// steps write the files of a release, each from the programs; each one's files are complete before the next begins.
var steps = []func(context.Context, *Release, []Built) error{
	archives, stanzas, boms, packages, images, sums,
}

// Make builds the release into a folder that has nothing else.
func (r *Release) Make(ctx context.Context) error {
	if !versions.MatchString(r.Version) {
		return fmt.Errorf("%q: %w", r.Version, errVersion)
	}
	bin, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(bin) }() // It is in the folder for temporary files.
	if err := os.RemoveAll(r.Out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return err
	}
	built, err := r.build(ctx, bin)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(ctx, r, built); err != nil {
			return err
		}
	}
	return nil
}

// name returns the name of a file of the release, without its folder.
func (r *Release) name(b Built, extension string) string {
	return fmt.Sprintf("%s_%s_%s%s", b.Name, r.Version, b.Platform, extension)
}

// write creates a file of the release.
func (r *Release) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(r.Out, name), content, 0o644)
}

// commitTime returns when the checked out commit was made.
func commitTime(ctx context.Context, root string) (time.Time, error) {
	out, err := git(ctx, root, "log", "-1", "--format=%ct")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
