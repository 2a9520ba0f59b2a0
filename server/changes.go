package server

import (
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// describe adds to report how c, with the content f of its files, differs from what is in use.
func (s *Server) describe(c Config, f files, report *ReloadReport) {
	reloaded, fixed := settingsOf(c)
	for _, changes := range [][]ops.Change{
		accountChanges(s.config.Accounts, c.Accounts),
		keyChanges(s.files.credentials, f.credentials),
		s.fileChanges(f),
		applied(s.inUse, reloaded),
	} {
		report.Changes = append(report.Changes, changes...)
	}
	report.NeedsRestart = append(report.NeedsRestart, instanceChanges(s.config.Instances, c.Instances)...)
	report.NeedsRestart = append(report.NeedsRestart, waiting(s.fixed, fixed)...)
	report.NeedsRestart = append(report.NeedsRestart, s.files.node.waiting(f.node)...)
	report.Warnings = append(report.Warnings, f.warnings...)
}

func accountChanges(before, after []Account) []ops.Change {
	return idChanges("account", before, after, func(a Account) string { return a.ID })
}

func instanceChanges(before, after []Instance) []ops.Change {
	return idChanges("instance", before, after, func(i Instance) string { return i.ID })
}

// idChanges returns which blocks of a kind were added and removed.
func idChanges[T any](block string, before, after []T, id func(T) string) (all []ops.Change) {
	has := func(list []T, wanted string) bool {
		return slices.ContainsFunc(list, func(t T) bool { return id(t) == wanted })
	}
	for _, t := range after {
		if !has(before, id(t)) {
			all = append(all, ops.Change{Part: fmt.Sprintf("%s %q", block, id(t)), What: "added"})
		}
	}
	for _, t := range before {
		if !has(after, id(t)) {
			all = append(all, ops.Change{Part: fmt.Sprintf("%s %q", block, id(t)), What: "removed"})
		}
	}
	return all
}

func keyChanges(before, after gate.Credentials) (all []ops.Change) {
	for _, d := range gate.Differences(before, after) {
		all = append(all, ops.Change{Part: fmt.Sprintf("access_key %q", d.AccessKeyID), What: d.What})
	}
	return all
}

// fileChanges returns which certificates are new.
func (s *Server) fileChanges(f files) (all []ops.Change) {
	for _, d := range doorsOf(s.config) {
		old, loaded := s.gateways[d.id].certificate.current.Load(), f.certificates[d.id]
		if old != nil && loaded != nil && !sameCertificate(old, loaded) {
			all = append(all, ops.Change{Part: d.name(), What: "new " + describeCertificate(loaded)})
		}
	}
	for _, i := range s.config.Instances {
		if chain, ok := f.chains[i.ID]; ok && chain != s.files.chains[i.ID] {
			all = append(all, ops.Change{Part: fmt.Sprintf("instance %q.ca_cert_file", i.ID), What: "new certificates"})
		}
	}
	return append(all, s.files.node.changes(f.node)...)
}
