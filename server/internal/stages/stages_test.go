package stages_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/stages"
)

const (
	current  = kmsapi.StageCurrent
	previous = kmsapi.StagePrevious
)

func TestAVersionThatIsPut(t *testing.T) {
	for name, tc := range map[string]struct {
		before stages.Stages
		stages []string
		want   stages.Stages
	}{
		"becomes the current one": {stages.New("1"), nil, stages.Stages{current: "v", previous: "1"}},
		"takes ACSPrevious from the oldest": {
			stages.Stages{current: "2", previous: "1"},
			nil,
			stages.Stages{current: "v", previous: "2"},
		},
		"gets a custom stage besides": {
			stages.Stages{current: "1", "ACSNext": "1"},
			[]string{current, "ACSNext"},
			stages.Stages{current: "v", previous: "1", "ACSNext": "v"},
		},
		"gets custom stages alone": {
			stages.Stages{current: "2", previous: "1"},
			[]string{"beta"},
			stages.Stages{current: "2", previous: "1", "beta": "v"},
		},
		"may take ACSPrevious itself": {
			stages.Stages{current: "2", previous: "1"},
			[]string{previous},
			stages.Stages{current: "2", previous: "v"},
		},
		"is current and previous if that is asked for": {
			stages.New("1"),
			[]string{previous, current},
			stages.Stages{current: "v", previous: "v"},
		},
		"may be the current one already": {stages.New("v"), nil, stages.New("v")},
		"may have been the one before": {
			stages.Stages{current: "2", previous: "v"},
			nil,
			stages.Stages{current: "v", previous: "2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept := maps.Clone(tc.before)
			after, err := tc.before.Put("v", tc.stages)
			require.NoError(t, err)
			require.Equal(t, tc.want, after)
			require.Equal(t, kept, tc.before, "it is not changed")
		})
	}
}

func TestAStageThatIsMoved(t *testing.T) {
	before := stages.Stages{current: "2", previous: "1", "beta": "3"}
	for name, tc := range map[string]struct {
		move    stages.Move
		want    stages.Stages
		refused error
	}{
		"ACSCurrent leaves ACSPrevious behind": {
			move: stages.Move{Stage: current, To: "3", From: "2"},
			want: stages.Stages{current: "3", previous: "2", "beta": "3"},
		},
		"ACSCurrent goes back to the version before": {
			move: stages.Move{Stage: current, To: "1"}, want: stages.Stages{current: "1", previous: "2", "beta": "3"},
		},
		"ACSPrevious goes alone": {
			move: stages.Move{Stage: previous, To: "3"}, want: stages.Stages{current: "2", previous: "3", "beta": "3"},
		},
		"is there already": {move: stages.Move{Stage: "beta", To: "3", From: "1"}, want: before},
		"is new": {
			move: stages.Move{Stage: "new", To: "1"},
			want: stages.Stages{current: "2", previous: "1", "beta": "3", "new": "1"},
		},
		"is removed": {move: stages.Move{Stage: "beta", From: "3"}, want: stages.Stages{current: "2", previous: "1"}},
		"moves from the version that has it": {
			move: stages.Move{Stage: "beta", To: "1", From: "3"},
			want: stages.Stages{current: "2", previous: "1", "beta": "1"},
		},
		"is on another version": {
			move: stages.Move{Stage: "beta", To: "1", From: "2"}, refused: kmsapi.ErrInvalidParameter,
		},
		"is on no version":       {move: stages.Move{Stage: "other", From: "2"}, refused: kmsapi.ErrInvalidParameter},
		"goes nowhere":           {move: stages.Move{Stage: "beta"}, refused: kmsapi.ErrMissingParameter},
		"ACSCurrent must not go": {move: stages.Move{Stage: current, From: "2"}, refused: kmsapi.ErrInvalidParameter},
		"nor must ACSPrevious":   {move: stages.Move{Stage: previous, From: "1"}, refused: kmsapi.ErrInvalidParameter},
		"ACSCurrent from a guess": {
			move: stages.Move{Stage: current, To: "3", From: "1"}, refused: kmsapi.ErrInvalidParameter,
		},
		"a new one needs its place": {
			move: stages.Move{Stage: "new", To: "1", From: "2"}, refused: kmsapi.ErrInvalidParameter,
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept := maps.Clone(before)
			after, err := before.Move(tc.move)
			require.Equal(t, kept, before, "it is not changed")
			if tc.refused != nil {
				require.ErrorIs(t, err, tc.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, after)
		})
	}
}

func TestTheNinthStageIsRefused(t *testing.T) {
	full := stages.New("1")
	for _, stage := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		full[stage] = "1"
	}
	_, err := full.Put("2", []string{"h"})
	require.ErrorIs(t, err, kmsapi.ErrLimitExceeded)
	_, err = full.Put("2", nil)
	require.ErrorIs(t, err, kmsapi.ErrLimitExceeded, "ACSPrevious would be the ninth")
	_, err = full.Move(stages.Move{Stage: "h", To: "1"})
	require.ErrorIs(t, err, kmsapi.ErrLimitExceeded)
	_, err = full.Put("2", []string{"a"})
	require.NoError(t, err)
}

func TestTheOldestVersionWithoutAStageMakesRoom(t *testing.T) {
	versions := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
	s := stages.Stages{current: "10", previous: "1"}
	at, err := s.Evict(versions)
	require.NoError(t, err)
	require.Equal(t, -1, at, "there is room")
	at, err = s.Evict(append(versions, "11"))
	require.NoError(t, err)
	require.Equal(t, 1, at)
	for n, version := range append(versions, "11") {
		s[string(rune('a'+n))] = version
	}
	_, err = s.Evict(append(versions, "11"))
	require.ErrorIs(t, err, kmsapi.ErrLimitExceeded)
}

func TestTheVersionThatARequestMeans(t *testing.T) {
	s := stages.Stages{current: "2", previous: "1"}
	for _, tc := range []struct {
		version, stage, want string
		ok                   bool
	}{
		{"", "", "2", true},
		{"", previous, "1", true},
		{"1", "", "1", true},
		{"7", "", "7", true},
		{"1", previous, "1", true},
		{"1", current, "2", false},
		{"", "beta", "", false},
		{"1", "beta", "", false},
	} {
		found, ok := s.Find(tc.version, tc.stage)
		require.Equal(t, tc.ok, ok, "%+v", tc)
		if ok {
			require.Equal(t, tc.want, found)
		}
	}
	require.Equal(t, []string{previous}, s.Of("1"))
	require.Equal(t, []string{}, s.Of("3"))
}

// After any operations there is a current version, and the number of stages is within the limit.
func TestThereIsAlwaysACurrentVersion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := stages.New("1")
		name := rapid.SampledFrom([]string{current, previous, "a", "b", "c", "d", "e", "f", "g", "h"})
		version := rapid.SampledFrom([]string{"1", "2", "3", ""})
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before := s
			var after stages.Stages
			var err error
			if put := version.Draw(t, "version"); put != "" {
				after, err = s.Put(put, rapid.SliceOfDistinct(name, rapid.ID[string]).Draw(t, "stages"))
			} else {
				after, err = s.Move(stages.Move{
					Stage: name.Draw(t, "stage"), To: version.Draw(t, "to"), From: version.Draw(t, "from"),
				})
			}
			if err == nil {
				s = after
			}
			require.NotEmpty(t, s[current])
			require.LessOrEqual(t, len(s), kmsapi.MaxSecretStages)
			if err == nil && s[current] != before[current] {
				require.NotEmpty(t, s[previous])
			}
		}
	})
}
