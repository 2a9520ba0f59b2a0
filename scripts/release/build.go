package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

const module = "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"

// build builds all programs for their platforms below a folder.
func (r *Release) build(ctx context.Context, folder string) (all []Built, err error) {
	for _, program := range programs {
		for _, platform := range program.Platforms {
			if r.Only != "" && r.Only != platform.String() {
				continue
			}
			built := Built{program, platform, filepath.Join(folder, platform.String(), program.Name+suffix(platform))}
			if err := r.compile(ctx, built); err != nil {
				return nil, err
			}
			all = append(all, built)
		}
	}
	return all, nil
}

func suffix(p Platform) string {
	if p.OS == "windows" {
		return ".exe"
	}
	return ""
}

// compile runs Go with the flags of make build.
func (r *Release) compile(ctx context.Context, b Built) error {
	flags := fmt.Sprintf("-s -w -X %s.Version=%s -X main.version=%[2]s", module, r.Version)
	build := exec.CommandContext(ctx, "go", "build", "-C", r.Root, "-trimpath", "-buildvcs=false",
		"-ldflags", flags, "-o", b.File, "./cmd/"+b.Name)
	build.Env = r.environment(b.Platform)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s for %s: %w\n%s", b.Name, b.Platform, err, out)
	}
	return nil
}

// environment is this process's, without the variables that would change the programs. Go ignores an empty variable,
// but would then use what `go env -w` has written.
func (r *Release) environment(p Platform) []string {
	fixed := []string{
		"GOOS=" + p.OS, "GOARCH=" + p.Arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0",
		"GOFLAGS=-mod=readonly", "GOEXPERIMENT=", "GOWORK=off", "GOFIPS140=off",
	}
	if r.Cache != "" {
		fixed = append(fixed, "GOCACHE="+r.Cache)
	}
	return slices.Concat(os.Environ(), fixed) // Of equal names, the last counts.
}
