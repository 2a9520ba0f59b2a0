package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var errDiffers = errors.New("the two builds differ")

// check makes the release twice and compares the two byte for byte: from the repository with r's build cache, as
// `make release` does, and from a copy of it elsewhere with an empty cache, as on another machine. The first stays in
// r.Out.
func check(ctx context.Context, r *Release) error {
	work, err := os.MkdirTemp("", "release-check-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // It is in the folder for temporary files.
	second := *r
	second.Root, second.Out = filepath.Join(work, "copy"), filepath.Join(work, "dist")
	if err := copySources(ctx, r.Root, second.Root); err != nil {
		return err
	}
	second.Cache = filepath.Join(work, "cache")
	if err := errors.Join(r.Make(ctx), second.Make(ctx)); err != nil {
		return err
	}
	return compare(r.Out, second.Out)
}

// copySources copies the files that git knows or would add.
func copySources(ctx context.Context, from, to string) error {
	files, err := git(ctx, from, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(files, "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // It is deleted, but not yet in a commit.
		}
		target := filepath.Join(to, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, content, 0o644))
		if err != nil {
			return err
		}
	}
	return nil
}

// compare reports the first difference between the checksum files of two folders, which cover all other files.
func compare(first, second string) error {
	var found [2][]string
	for i, folder := range []string{first, second} {
		content, err := os.ReadFile(filepath.Join(folder, sumsFile))
		if err != nil {
			return err
		}
		found[i] = strings.Split(string(content), "\n")
	}
	if len(found[0]) != len(found[1]) {
		return fmt.Errorf("%w: %d files and %d", errDiffers, len(found[0]), len(found[1]))
	}
	for i, line := range found[0] {
		if line != found[1][i] {
			return fmt.Errorf("%w:\n%s\n%s", errDiffers, line, found[1][i])
		}
	}
	return nil
}
