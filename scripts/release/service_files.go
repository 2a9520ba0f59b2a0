package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// sysusers tells systemd which user the service runs as.
const sysusers = `u alicloudkms - "Alibaba Cloud KMS, served locally" /var/lib/alicloudkms
`

// completions is where the systems of each format look for the completions of a shell.
var completions = map[string]map[string]string{
	"deb": {
		"bash": "/usr/share/bash-completion/completions/alicloudkms",
		"zsh":  "/usr/share/zsh/vendor-completions/_alicloudkms",
		"fish": "/usr/share/fish/vendor_completions.d/alicloudkms.fish",
	},
	"rpm": {
		"bash": "/usr/share/bash-completion/completions/alicloudkms",
		"zsh":  "/usr/share/zsh/site-functions/_alicloudkms",
		"fish": "/usr/share/fish/vendor_completions.d/alicloudkms.fish",
	},
}

// serviceFiles returns what the service's packages of each format have besides the program: its unit and user, man
// pages, dashboards and alerts, and completions.
func serviceFiles(ctx context.Context, r *Release, all []Built, work string) (map[string][]packaged, error) {
	unit, err := os.ReadFile(filepath.Join(r.Root, "docs", "systemd", "alicloudkms.service"))
	if err != nil {
		return nil, err
	}
	// The unit of the docs is for a file that is installed by hand.
	unit = bytes.ReplaceAll(unit, []byte("/usr/local/bin/"), []byte(server.Packaged))
	common := []packaged{
		{"/usr/lib/systemd/system/alicloudkms.service", 0o644, unit},
		{"/usr/lib/sysusers.d/alicloudkms.conf", 0o644, []byte(sysusers)},
	}
	pages, err := manPages(r)
	if err != nil {
		return nil, err
	}
	common = append(common, pages...)
	monitoring, err := monitoringFiles(r)
	if err != nil {
		return nil, err
	}
	common = append(common, monitoring...)
	program, err := r.onThisMachine(ctx, all, work)
	if err != nil {
		return nil, err
	}
	found := map[string][]packaged{}
	for _, format := range formats {
		found[format] = append(found[format], common...)
		for _, shell := range slices.Sorted(maps.Keys(completions[format])) {
			script, err := exec.CommandContext(ctx, program, "completion", shell).Output()
			if err != nil {
				return nil, fmt.Errorf("%s completion %s: %w", server.Name, shell, err)
			}
			found[format] = append(found[format], packaged{completions[format][shell], 0o644, script})
		}
	}
	return found, nil
}

// onThisMachine returns the file of an alicloudkms that runs here, which it builds if no other was built.
func (r *Release) onThisMachine(ctx context.Context, all []Built, work string) (string, error) {
	here := Platform{runtime.GOOS, runtime.GOARCH}
	for _, b := range all {
		if b.Name == server.Name && b.Platform == here {
			return b.File, nil
		}
	}
	b := Built{server, here, filepath.Join(work, "here", server.Name)}
	return b.File, r.compile(ctx, b)
}
