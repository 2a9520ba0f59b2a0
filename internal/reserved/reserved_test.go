package reserved

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntriesThatSpellANameOfOurOwnAreReserved(t *testing.T) {
	for _, entry := range [][2]string{
		{AssociatedData, ""},
		{Context, "x"},
		{"vault:", ""},
		{"vault:of a later version", ""},
		{"tenant", "a&vault:context=b"},
		{"tenant=a&vault:context", "b"},
	} {
		require.True(t, Is(entry[0], entry[1]), entry)
	}
	for _, entry := range [][2]string{
		{"tenant", "vault:context"}, {"vault", "a"}, {"Vault:context", "a"}, {"a vault:b", "c"}, {"", ""},
	} {
		require.False(t, Is(entry[0], entry[1]), entry)
	}
}
