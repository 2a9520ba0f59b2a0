package stages

import (
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Stages are the versions that stages are on, by stage. A value is never changed: each step returns a new one.
type Stages map[string]string

// New returns the stages of a secret whose only version is called version.
func New(version string) Stages { return Stages{kmsapi.StageCurrent: version} }

// Of returns the stages of a version, in order. There may be none.
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

// Put gives stages to a version, and takes them from others; without any, it is [kmsapi.StageCurrent]. The error is
// [kmsapi.ErrLimitExceeded] if there would be too many stages.
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

// makeCurrent moves StageCurrent, which StagePrevious follows.
func (s Stages) makeCurrent(version string) {
	if former := s[kmsapi.StageCurrent]; former != "" && former != version {
		s[kmsapi.StagePrevious] = former
	}
	s[kmsapi.StageCurrent] = version
	if s[kmsapi.StagePrevious] == version { // A version is not the one before itself.
		delete(s, kmsapi.StagePrevious)
	}
}

// A Move is what UpdateSecretVersionStage asks for. To and From are versions, of which one may be empty.
type Move struct{ Stage, To, From string }

// Move moves or removes a stage. Errors are those of package kmsapi; that both versions exist is for the caller to
// check.
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

// Evict returns the place of the version to be removed from versions, the oldest first, and -1 if there are not too
// many of them. It is the oldest one without a stage; if each has one, the error is [kmsapi.ErrLimitExceeded].
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

// Find returns the version that a request for a value means, by a version, a stage or both, which are empty if it does
// not say; then it is the current one. ok is false if no version is both. That a version exists is for the caller to
// check.
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
