package main

import (
	"context"
	"fmt"
	"io"
)

// version is stamped by the build.
var version = "v0.1.0-dev"

func runVersion(_ context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("version", "usage: alicloudkms version\n\nPrints the version.\n", stderr)
	if err := parseFlags(set, args); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, "alicloudkms", version)
	return err
}
