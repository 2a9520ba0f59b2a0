package server

import (
	"crypto/tls"
	"errors"
	"reflect"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
)

// Reload takes the access keys, with secrets and permissions, and the TLS certificates from c, and of the KMS instances
// that exist Internet access, status, CA and which is the default. It reopens the audit log. Connections stay open. It
// is all or nothing: after an error the service continues with what it had. Any other change in c takes effect at the
// next start only, and is logged.
func (s *Server) Reload(c Config) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	err := s.reload(c)
	s.service.metrics.Reloaded(err)
	return err
}

func (s *Server) reload(c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	credentials, err := gate.LoadCredentials(c.Accounts)
	if err != nil {
		return err
	}
	certificates, err := s.loadCertificates(c)
	if err != nil {
		return err
	}
	instances, err := loadInstances(s.withReloaded(c))
	if err != nil {
		return err
	}
	if err := s.service.audit.Reopen(); err != nil {
		return err
	}
	s.service.gate.Replace(credentials)
	s.service.api.SetInstances(instances)
	for id, loaded := range certificates {
		s.gateways[id].certificate.current.Store(loaded)
	}
	for _, part := range changedParts(s.config, c) {
		s.service.log.Warn("a change of the configuration waits for a restart", "part", part)
	}
	return nil
}

// loadCertificates loads the certificates that c has for the gateways that exist.
func (s *Server) loadCertificates(c Config) (map[string]*tls.Certificate, error) {
	certificates := map[string]*tls.Certificate{}
	for id, l := range listenersOf(c) {
		g, ok := s.gateways[id]
		if !ok {
			continue
		}
		if l.PlainHTTP != (g.certificate.current.Load() == nil) {
			return nil, gatewayError(id, errors.New("listener: plain_http can't change without a restart"))
		}
		loaded, err := loadCertificate(l)
		if err != nil {
			return nil, gatewayError(id, err)
		}
		certificates[id] = loaded
	}
	return certificates, nil
}

// changedParts names what differs between two configurations and is not reloaded.
func changedParts(a, b Config) (parts []string) {
	for _, part := range []struct {
		name          string
		before, after any
	}{
		{"default_region", a.HomeRegion(), b.HomeRegion()},
		{"regions", a.ServedRegions(), b.ServedRegions()},
		{"listener.address", addressesOf(a), addressesOf(b)},
		{"strict_default_keys", a.StrictDefaultKeys, b.StrictDefaultKeys},
		{"instance", fixedOf(a), fixedOf(b)},
		{"storage", a.Storage, b.Storage},
		{"root_key", a.RootKey, b.RootKey},
		{"audit", a.Audit, b.Audit},
		{"limits", a.Limits, b.Limits},
		{"quotas", a.Quotas, b.Quotas},
		{"rate_limits", a.RateLimits, b.RateLimits},
		{"operations", a.Ops, b.Ops},
	} {
		if !reflect.DeepEqual(part.before, part.after) {
			parts = append(parts, part.name)
		}
	}
	return parts
}

// withReloaded returns the configuration of the start, with what a reload changes in the KMS instances that it has.
func (s *Server) withReloaded(c Config) Config {
	merged := s.config
	merged.Instances = slices.Clone(merged.Instances)
	for n := range merged.Instances {
		at := &merged.Instances[n]
		for _, i := range c.Instances {
			if i.ID == at.ID {
				at.InternetAccess, at.Default, at.Status, at.CACertFile = i.InternetAccess, i.Default, i.Status, i.CACertFile
			}
		}
	}
	return merged
}

// fixedOf returns what of the KMS instances takes effect at a start only, besides their addresses.
func fixedOf(c Config) map[string]any {
	fixed := map[string]any{}
	for _, i := range c.AllInstances() {
		fixed[i.ID] = []any{i.Kind, i.Account, i.Region, i.Image, i.Spec}
	}
	return fixed
}

// addressesOf returns where the gateways of c listen.
func addressesOf(c Config) map[string]string {
	addresses := map[string]string{}
	for id, l := range listenersOf(c) {
		addresses[id] = l.Address
	}
	return addresses
}
