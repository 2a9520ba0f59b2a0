package versions

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStringIsSplitAsItWasMade(t *testing.T) {
	for _, n := range []int{1, 2, 9, 10, 400, maxNumber} {
		got, made, err := Split(Join(n, "QUJD"))
		require.NoError(t, err)
		require.Equal(t, n, got)
		require.Equal(t, "QUJD", made)
	}
}

func TestBytesAreJoinedInBase64WhateverTheirNumber(t *testing.T) {
	for _, length := range []int{0, 1, 2, 3, 767, 768, 769, 100_000} {
		made := make([]byte, length)
		_, _ = rand.Read(made)
		require.Equal(t, Join(12, base64.StdEncoding.EncodeToString(made)), JoinBytes(12, made), length)
	}
}

func TestPrefixIsWellFormedOrThereIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		n    int
		made string
	}{
		"none":                   {"QUJD", 0, "QUJD"},
		"nothing at all":         {"", 0, ""},
		"a version":              {"vault:v7:QUJD", 7, "QUJD"},
		"nothing behind it":      {"vault:v7:", 7, ""},
		"more than an int holds": {"vault:v" + strings.Repeat("9", 40) + ":QUJD", maxNumber, "QUJD"},
	} {
		t.Run(name, func(t *testing.T) {
			n, made, err := Split(c.text)
			require.NoError(t, err)
			require.Equal(t, c.n, n)
			require.Equal(t, c.made, made)
		})
	}
	for _, text := range []string{
		":QUJD", "vault:QUJD", "vault::QUJD", "vault:v:QUJD", "vault:v0:QUJD", "vault:v01:QUJD", "vault:v+1:QUJD",
		"vault:v-1:QUJD", "vault:v1 :QUJD", " vault:v1:QUJD", "Vault:v1:QUJD", "vault:V1:QUJD", "vault:v1.0:QUJD",
		"vault:v1_0:QUJD", "vault:v0x1:QUJD", "vault:v1:vault:v1:QUJD", "vault:v1:x:QUJD", "aws:v1:QUJD", "v1:QUJD",
	} {
		_, _, err := Split(text)
		require.ErrorIs(t, err, ErrForm, text)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("vault:v1:QUJD")
	f.Add("vault:v01:QUJD")
	f.Fuzz(func(t *testing.T, text string) {
		n, made, err := Split(text)
		switch {
		case err != nil:
			require.Contains(t, text, ":")
		case n == 0:
			require.Equal(t, text, made)
		case n < maxNumber:
			require.Equal(t, text, Join(n, made), "there is one way to write a version")
		}
	})
}
