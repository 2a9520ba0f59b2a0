package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// anyPort is the default listen address of a development service: a free loopback port.
const anyPort = "127.0.0.1:0"

// The files in which a development service keeps its addresses, beside its data, so that clients configured for one run
// can use the next.
const (
	devAddressName         = "address"
	devInstanceAddressName = devInstance + ".address"
)

// devAddresses are the listen addresses of a development service's gateways.
type devAddresses struct{ shared, instance string }

// chooseDevAddresses returns the addresses of the last run, unless address is set. Then the shared gateway listens at
// address; port 0 gives both gateways free ports.
func chooseDevAddresses(dir, address string) (devAddresses, error) {
	shared, sharedErr := keptAddress(dir, devAddressName)
	instance, instanceErr := keptAddress(dir, devInstanceAddressName)
	if address == "" {
		return devAddresses{shared, instance}, errors.Join(sharedErr, instanceErr)
	}
	if err := config.RequireLoopback(address); err != nil {
		return devAddresses{}, err
	}
	if _, port, _ := net.SplitHostPort(address); port == "0" {
		return devAddresses{address, anyPort}, nil
	}
	return devAddresses{address, instance}, instanceErr
}

// CheckDevAddress returns an error for an address that [NewDevConfig] does not accept: one that is not host:port on
// loopback.
func CheckDevAddress(address string) error { return config.RequireLoopback(address) }

// keptAddress returns the address in a file of dir, or anyPort if there is no such file.
func keptAddress(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return anyPort, nil
	}
	if err != nil {
		return "", err
	}
	address := strings.TrimSpace(string(content))
	if err := config.RequireLoopback(address); err != nil {
		return "", fmt.Errorf("%s: %w; remove the file to get another", path, err)
	}
	return address, nil
}

// KeepAddresses stores the addresses at which s listens beside its data, for the next run's [NewDevConfig]. s must have
// been started with d.
func (d *DevConfig) KeepAddresses(s *Server) error {
	dir := filepath.Dir(d.Config.Storage.Path)
	return errors.Join(
		replaceFile(filepath.Join(dir, devAddressName), s.Address()),
		replaceFile(filepath.Join(dir, devInstanceAddressName), s.InstanceAddress(d.InstanceID)))
}
