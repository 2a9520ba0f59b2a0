package server

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
)

// The purposes of the digests that nodes compare: see [crypt.RootKey.NewDigest].
const (
	rootKeyDigest = "root key"
	configDigest  = "configuration"
)

// digestRootKey returns a digest that is equal on nodes with the same root key.
func digestRootKey(root *crypt.RootKey) ([]byte, error) {
	h, err := root.NewDigest(rootKeyDigest)
	if err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// digestConfig returns a digest that is equal on nodes that answer every request alike. It covers credentials with
// their secrets and permissions, and the settings except addresses and files.
func digestConfig(root *crypt.RootKey, c Config, credentials gate.Credentials) ([]byte, error) {
	h, err := root.NewDigest(configDigest)
	if err != nil {
		return nil, err
	}
	reloaded, _ := settingsOf(c)
	window, err := c.Limits.Window()
	if err != nil {
		return nil, err
	}
	var settings [][2]string
	for _, s := range reloaded {
		settings = append(settings, [2]string{s.name, s.value})
	}
	err = json.NewEncoder(h).Encode(struct {
		Settings        [][2]string
		HomeRegion      string
		Regions         []string
		StrictDefaults  bool
		FIPS, SM        bool
		Window          string
		MaxRequestBytes int
		Instances       []string
	}{
		settings, c.HomeRegion(), slices.Sorted(maps.Keys(c.ServedRegions())), c.StrictDefaultKeys, c.FIPS, c.SM,
		window.String(), c.Limits.WithDefaults().MaxRequestBytes, instanceFacts(c),
	})
	if err != nil {
		return nil, err
	}
	if err := credentials.WriteDigest(h); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// instanceFacts returns the properties of the KMS instances that no reload changes, except their listeners.
func instanceFacts(c Config) (facts []string) {
	for _, i := range c.AllInstances() {
		facts = append(facts, i.ID, i.Kind, i.Account, i.Region, i.Image)
	}
	return facts
}
