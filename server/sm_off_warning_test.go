package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAServiceWithoutSMWarnsOnceOfTheKeysThatItCannotUse(t *testing.T) {
	const warning = "the configuration does not say sm = true"
	l := newLab(t, withSM)
	l.createKey()
	l.sweep()
	l.setSM(false)
	l.sweep()
	require.NotContains(t, l.log.String(), warning, "there are no such keys")
	l.setSM(true)
	l.createSM4()
	l.must("CreateKey", "KeySpec", kmsapi.KeySpecSM2)
	l.sweep()
	require.NotContains(t, l.log.String(), warning, "they can be used")
	l.setSM(false)
	l.sweep()
	l.sweep()
	require.Equal(t, 1, strings.Count(l.log.String(), warning))
	require.Contains(t, l.log.String(), warning+`" keys=2`)
}
