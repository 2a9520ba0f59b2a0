package servers

import (
	"context"
	"fmt"
	"os/exec"
)

// Build builds a command of the module in the folder root, with version stamped into it, and writes it to file.
func Build(ctx context.Context, root, command, file, version string) error {
	const variable = "github.com/alicloudkms/vault-plugin-secrets-alicloudkms.Version"
	build := exec.CommandContext(ctx, "go", "build", "-C", root, "-buildvcs=false",
		"-ldflags", "-X "+variable+"="+version, "-o", file, "./cmd/"+command)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", command, err, out)
	}
	return nil
}
