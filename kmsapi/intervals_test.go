package kmsapi_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const day = 24 * time.Hour

func TestIntervals(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "7d": 7 * day, "007d": 7 * day,
		"605800s": 605800 * time.Second, "36h": 36 * time.Hour, "90m": 90 * time.Minute,
		"9223372036s": 9223372036 * time.Second, "106751d": 106751 * day,
	} {
		got, ok := kmsapi.ParseInterval(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "7", "d", "7w", "7D", "7 d", " 7d", "7d\n", "-7d", "+7d", "7.5d", "1e1d", "0x7d", "7d7d", "٧d",
		"9223372037s", "106752d", "99999999999s", strings.Repeat("0", 11) + "s",
	} {
		_, ok := kmsapi.ParseInterval(text)
		require.False(t, ok, "%q", text)
	}
}

func TestIntervalsAreWrittenInTheLongestUnit(t *testing.T) {
	for want, interval := range map[string]time.Duration{
		"0d": 0, "7d": 7 * day, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "605801s": 605801 * time.Second,
		"1s": 1900 * time.Millisecond,
	} {
		require.Equal(t, want, kmsapi.FormatInterval(interval))
	}
}

func TestARotationIntervalOutOfItsRangeIsToldTheRange(t *testing.T) {
	for _, text := range []string{"soon", "59m", "25h"} {
		_, err := kmsapi.ParseRotationInterval(text, time.Hour, day)
		require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
		require.ErrorContains(t, err, "It must be from 1h to 1d, as a number and one of d, h, m and s, such as 365d.")
	}
	for _, text := range []string{"1h", "1d"} {
		_, err := kmsapi.ParseRotationInterval(text, time.Hour, day)
		require.NoError(t, err)
	}
	_, err := kmsapi.ParseRotationInterval("", time.Hour, day)
	require.ErrorIs(t, err, kmsapi.ErrMissingParameter)
}

// FuzzInterval computes with numbers that don't overflow: an accepted interval is exactly what was written, in both
// forms that are written again.
func FuzzInterval(f *testing.F) {
	for _, seed := range []string{
		"7d", "605800s", "168h", "10080m", "731d", "0s", "d", "-7d", "7D", "7.5d", "9223372036s", "9223372037s", "007d",
		"7d\n",
	} {
		f.Add(seed)
	}
	seconds := map[byte]int64{'d': 86400, 'h': 3600, 'm': 60, 's': 1}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := kmsapi.ParseInterval(text)
		rotation, err := kmsapi.ParseRotationInterval(text, kmsapi.MinRotationInterval, kmsapi.MaxRotationInterval)
		require.Equal(t, ok && got >= 7*day && got <= 730*day, err == nil)
		if err == nil {
			require.Equal(t, got, rotation)
		}
		if !ok {
			return
		}
		require.NotContains(t, "+-_", text[:1])
		n, isNumber := new(big.Int).SetString(text[:len(text)-1], 10)
		require.True(t, isNumber)
		unit := seconds[text[len(text)-1]]
		require.NotZero(t, unit)
		n.Mul(n, big.NewInt(unit))
		require.Equal(t, n.String(), big.NewInt(int64(got/time.Second)).String())
		require.Zero(t, got%time.Second)
		for _, form := range []string{kmsapi.FormatInterval(got), kmsapi.FormatRotationInterval(got)} {
			again, ok := kmsapi.ParseInterval(form)
			require.True(t, ok, form)
			require.Equal(t, got, again, form)
		}
	})
}
