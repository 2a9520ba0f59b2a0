package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// ReloadReport is what a reload has changed.
type ReloadReport = ops.Reload

// ReloadFile rereads the configuration file with which the server was started, and applies it as [Server.Reload] does.
func (s *Server) ReloadFile() (ReloadReport, error) {
	return s.reload(func() (Config, error) {
		if s.path == "" {
			return Config{}, errors.New("the service was started without a configuration file")
		}
		return LoadConfig(s.path)
	})
}

// Reload applies from c the access keys, with secrets and permissions, the TLS certificates, quotas, rate limits and
// rotation bounds, and for existing KMS instances their Internet access, spec, status, CA, and which one is the
// default. It reopens the audit log. Connections stay open. It is all or nothing: after an error the service keeps its
// previous configuration, which is stale until a reload succeeds. Any other change in c takes effect only at the next
// start.
func (s *Server) Reload(c Config) (ReloadReport, error) {
	return s.reload(func() (Config, error) { return c, c.Validate() })
}

// reloadFor is ReloadFile for a caller that expects the configuration file to be the one at path.
func (s *Server) reloadFor(path string) (ReloadReport, error) {
	if !sameFile(s.path, path) {
		return ReloadReport{}, fmt.Errorf("%w: -config %s", ops.ErrOtherConfig, s.path)
	}
	return s.ReloadFile()
}

// sameFile reports whether two absolute paths lead to the same file. If either can't be examined, only equal paths
// count as the same.
func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// reload is the only way to reload. It reads the configuration under the lock, so that reloads apply in the order in
// which they read it.
func (s *Server) reload(read func() (Config, error)) (ReloadReport, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	report := ReloadReport{Config: s.path, Changes: []ops.Change{}, NeedsRestart: []ops.Change{}, Warnings: []string{}}
	c, err := read()
	if err == nil {
		err = s.apply(c, &report)
	}
	s.host.metrics.Reloaded(err)
	s.noteReload(report, err)
	s.reloaded(err)
	return report, err
}

// noteReload records and logs the result of a reload.
func (s *Server) noteReload(report ReloadReport, err error) {
	if err != nil {
		if s.stale.Load() == nil {
			now := s.host.clock()
			s.stale.Store(&now)
		}
		s.host.log.Error("not reloaded; the service keeps its previous configuration, which is stale", "error", err)
		return
	}
	s.stale.Store(nil)
	for _, change := range report.Changes {
		s.host.log.Info("the configuration has changed", "part", change.Part, "change", change.What)
	}
	for _, change := range report.NeedsRestart {
		s.host.log.Warn("a change of the configuration waits for a restart", "part", change.Part, "change", change.What)
	}
	s.host.warn(report.Warnings)
	s.host.log.Info("reloaded", "changes", len(report.Changes), "need_restart", len(report.NeedsRestart))
}

// staleSince returns the time of the first failed reload since the last successful one, or zero if the last one
// succeeded.
func (s *Server) staleSince() time.Time {
	if since := s.stale.Load(); since != nil {
		return *since
	}
	return time.Time{}
}

// apply applies the changes in c and adds them to report.
func (s *Server) apply(c Config, report *ReloadReport) error {
	f, err := loadFiles(c, s.host.clock())
	if err != nil {
		return err
	}
	if err := s.host.audit.Reopen(); err != nil {
		return fieldOf(c, "audit", "file").Fault(err)
	}
	s.describe(c, f, report)
	merged, mergedFiles := s.merged(c), s.files.merged(f)
	if s.node != nil {
		waiting, err := s.node.reloaded(merged, mergedFiles)
		if err != nil {
			return err
		}
		report.NeedsRestart = append(report.NeedsRestart, waiting...)
	}
	s.replaceConfig(merged, mergedFiles)
	s.inUse, _ = settingsOf(s.config)
	for id, g := range s.gateways {
		if loaded := f.certificates[id]; loaded != nil && g.certificate.current.Load() != nil {
			g.certificate.current.Store(loaded)
		}
	}
	return nil
}

// merged returns the configuration in use with what a reload applies from c. KMS instances keep the defaults that the
// start has filled in, since the default account must not change with the order of the accounts.
func (s *Server) merged(c Config) Config {
	merged := s.config
	merged.Accounts, merged.Quotas, merged.RateLimits = slices.Clone(c.Accounts), c.Quotas, c.RateLimits
	merged.Rotation = c.Rotation
	merged.Instances = slices.Clone(merged.Instances)
	for n := range merged.Instances {
		at := &merged.Instances[n]
		for _, i := range c.AllInstances() {
			if i.ID == at.ID {
				at.InternetAccess, at.Default, at.Status, at.CACertFile = i.InternetAccess, i.Default, i.Status, i.CACertFile
				at.Spec = i.Spec
			}
		}
	}
	return merged
}

// merged returns newer with what a reload keeps from f: the etcd password, and the chains of instances that were
// removed from the configuration but stay until a restart.
func (f files) merged(newer files) files {
	newer.node = f.node.inUse(newer.node)
	for id, chain := range f.chains {
		if _, ok := newer.chains[id]; !ok {
			newer.chains[id] = chain
		}
	}
	return newer
}
