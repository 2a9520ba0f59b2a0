package stages

import (
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Stages has the version that each stage is on, by stage. A value is never changed: each step returns a new one.
type Stages map[string]string

// New returns the stages of a secret whose only version is called version.
func New(version string) Stages { return Stages{kmsapi.StageCurrent: version} }

// Of returns the stages of a version, sorted. There may be none.
func (s Stages) Of(version string) []string {
	found := []string{}
	for stage, on := range s {
		if on == version {
			found = append(found, stage)
		}
	}
	slices.Sort(found)
	return found
}

// Put gives stages to a version, and takes them from others; if stages is empty, it puts [kmsapi.StageCurrent]. The
// error is [kmsapi.ErrLimitExceeded] if there would be too many stages.
func (s Stages) Put(version string, stages []string) (Stages, error) {
	if len(stages) == 0 {
		stages = []string{kmsapi.StageCurrent}
	}
	after := maps.Clone(s)
	if slices.Contains(stages, kmsapi.StageCurrent) {
		after.makeCurrent(version)
	}
	for _, stage := range stages {
		after[stage] = version
	}
	return after, after.check()
}

// makeCurrent moves StageCurrent to a version, and StagePrevious to the version that had it.
func (s Stages) makeCurrent(version string) {
	if former := s[kmsapi.StageCurrent]; former != "" && former != version {
		s[kmsapi.StagePrevious] = former
	}
	s[kmsapi.StageCurrent] = version
	if s[kmsapi.StagePrevious] == version { // The current version can't also be the previous one.
		delete(s, kmsapi.StagePrevious)
	}
}

// A Move is a request of UpdateSecretVersionStage. To and From are versions; either may be empty.
type Move struct{ Stage, To, From string }

// Move moves or removes a stage. Errors are those of package kmsapi. The caller must have checked that both versions
// exist.
func (s Stages) Move(m Move) (Stages, error) {
	reserved := m.Stage == kmsapi.StageCurrent || m.Stage == kmsapi.StagePrevious
	switch {
	case m.To == "" && m.From == "":
		return nil, kmsapi.MissingParameter("MoveToVersion")
	case m.To == "" && reserved:
		return nil, kmsapi.InvalidParameter("VersionStage", "This stage can only be moved. Give MoveToVersion.")
	case m.To != "" && s[m.Stage] == m.To:
		return s, nil
	case m.From != "" && s[m.Stage] != m.From:
		return nil, kmsapi.InvalidParameter("RemoveFromVersion", "That version does not have the stage.")
	}
	after := maps.Clone(s)
	switch {
	case m.To == "":
		delete(after, m.Stage)
	case m.Stage == kmsapi.StageCurrent:
		after.makeCurrent(m.To)
	default:
		after[m.Stage] = m.To
	}
	return after, after.check()
}

func (s Stages) check() error {
	if len(s) > kmsapi.MaxSecretStages {
		return kmsapi.ErrLimitExceeded
	}
	return nil
}

// Evict returns the index of the version to remove from versions, which has the oldest first, or -1 if there are not
// too many of them. It is the oldest version without a stage; if every version has one, the error is
// [kmsapi.ErrLimitExceeded].
func (s Stages) Evict(versions []string) (at int, err error) {
	if len(versions) <= kmsapi.MaxSecretVersions {
		return -1, nil
	}
	at = slices.IndexFunc(versions, func(version string) bool { return !s.isOn(version) })
	if at < 0 {
		return -1, kmsapi.ErrLimitExceeded
	}
	return at, nil
}

// isOn reports whether a version has a stage.
func (s Stages) isOn(version string) bool {
	for _, on := range s {
		if on == version {
			return true
		}
	}
	return false
}

// Find returns the version that a request for a value selects by version, stage or both; an empty string does not
// select, and without either it is the current version. ok is false if no version matches both. The caller must check
// that the version exists.
func (s Stages) Find(version, stage string) (found string, ok bool) {
	switch {
	case version == "" && stage == "":
		stage = kmsapi.StageCurrent
	case stage == "":
		return version, true
	}
	found = s[stage]
	return found, found != "" && (version == "" || version == found)
}
