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

// anyPort is where a service for development listens unless it is asked otherwise: on a free port.
const anyPort = "127.0.0.1:0"

// The files that keep the addresses of a service for development with its data, so that clients which were configured
// for one run can use the next.
const (
	devAddressName         = "address"
	devInstanceAddressName = devInstance + ".address"
)

// devAddresses are where the gateways of a service for development are to listen.
type devAddresses struct{ shared, instance string }

// chooseDevAddresses returns those of the last run, unless address asks for others: a port of its choice for the shared
// gateway, or with port 0 free ones for both.
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

// CheckDevAddress refuses an address that [NewDevConfig] does not take: one that is not host:port on loopback.
func CheckDevAddress(address string) error { return config.RequireLoopback(address) }

// keptAddress returns the address in a file of dir, and any port if there is no such file.
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

// KeepAddresses writes where s listens beside its data, for [NewDevConfig] of the next run. s was started with d.
func (d *DevConfig) KeepAddresses(s *Server) error {
	dir := filepath.Dir(d.Config.Storage.Path)
	return errors.Join(
		replaceFile(filepath.Join(dir, devAddressName), s.Address()),
		replaceFile(filepath.Join(dir, devInstanceAddressName), s.InstanceAddress(d.InstanceID)))
}
