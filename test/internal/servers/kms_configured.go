package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// StartConfigured starts a new service that `alicloudkms init` makes in Dir, which must not exist, with more settings
// in its configuration. Unlike one of -dev, it has the quotas and rate limits that the settings say.
func (k *KMS) StartConfigured(settings string) error {
	if out, err := exec.Command(k.Program, "init", "-listen", initListen, k.Dir).CombinedOutput(); err != nil {
		return fmt.Errorf("init: %w\n%s", err, out)
	}
	name := filepath.Join(k.Dir, configName)
	made, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	operations := fmt.Sprintf("operations { address = %q }", AnyPort)
	config := strings.NewReplacer(initListen, AnyPort, "operations {}", operations).Replace(string(made))
	config = settings + "\n" + config
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		return err
	}
	if err := k.startWith(name); err != nil {
		return err
	}
	address := k.Address
	if err := k.readExports(filepath.Join(k.Dir, "admin.env")); err != nil {
		return err
	}
	k.Address, k.Exports["ALICLOUD_DOMAIN"] = address, address
	return nil
}

const (
	// initListen is not used: the kernel picks a port.
	initListen = "127.0.0.1:8443"
	// configName is the configuration that init makes.
	configName = "server.hcl"
)

// startWith starts the service with a configuration file, and waits until it listens.
func (k *KMS) startWith(config string) (err error) {
	cmd := exec.Command(k.Program, "server", "-config", config)
	if k.OwnGroup {
		OwnGroup(cmd)
	}
	if k.Process, err = Start(cmd, k.Dir+".log"); err != nil {
		return err
	}
	k.Address, k.Operations, err = awaitReady(k.Process)
	return err
}
