package versions

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// dataKey is the row of a data key.
func dataKey(cmk string) Row { return Row{CMK: cmk, WrappedKey: "wrapped by " + cmk} }

func oldest(t Table) int { return t.Oldest() }

func TestDataKeysAreNoVersionsOfKMS(t *testing.T) {
	table := New(rows("a:1", "a:2")...).AddDataKey(dataKey("a")).AddDataKey(dataKey("b"))
	require.Equal(t, 4, table.Newest())
	require.Equal(t, "b", table.Current())
	require.Equal(t, []string{"a", "b"}, table.CMKs())
	for version, n := range map[string]int{
		"a:1": 1, "a:2": 2, "a:": 2, "a:9": 2, // Without a row, as the CMK's newest version of KMS.
		"b:1": 4, // Its CMK has data keys only.
		"c:1": 0,
	} {
		row := rows(version)[0]
		require.Equal(t, n, table.Number(row.CMK, row.KeyVersionID), version)
	}
	require.True(t, table.Opens("b", "1", 4), "KMS makes data keys for callers with it")
	require.True(t, table.Opens("a", "2", 2))
	require.False(t, table.Opens("a", "2", 3))
}

func TestMergeLeavesDataKeysAlone(t *testing.T) {
	table := New(dataKey("a")).Merge(rows("a:1"))
	require.Equal(t, []Row{dataKey("a"), rows("a:1")[0]}, table.Rows, "a data key is no version whose id is not known")
}

func TestBackToKMSGetsARowOfItsOwn(t *testing.T) {
	table := New(rows("a:1")...).AddDataKey(dataKey("a")).Follow(rows("a:1", "a:2")...)
	require.Equal(t, []string{"a:1", "a:", "a:2"}, names(table))
	table = New(rows("a:1")...).AddDataKey(dataKey("a")).Follow(rows("a:1")...)
	require.Equal(t, []string{"a:1", "a:", "a:1"}, names(table))
	require.Equal(t, 3, table.Number("a", "1"))
}

func TestTrimKeepsTheVersionThatKMSMakesDataKeysWith(t *testing.T) {
	table := New(rows("a:1", "a:2")...).AddDataKey(dataKey("a")).AddDataKey(dataKey("a")).Trim(3)
	require.Equal(t, map[string][]string{"a": {"1"}}, table.Trimmed)
	require.True(t, table.Opens("a", "2", 0))
	require.False(t, table.Opens("a", "1", 0))
	table = table.Trim(4)
	require.Equal(t, map[string][]string{"a": {"1"}}, table.Trimmed, "a second trim brings nothing back")
	require.Equal(t, 4, table.Oldest())

	table = New(rows("a:1", "b:1")...).AddDataKey(dataKey("b")).Trim(3)
	require.False(t, table.Has("a"), "an earlier CMK has no row left")
}

func TestVersionsOfBeforeARegistrationOpenWithoutRows(t *testing.T) {
	table := New(rows("a:1")...).AddDataKey(dataKey("a")).StartAt(8)
	require.Equal(t, 7, table.First)
	require.Equal(t, 8, table.Newest())
	require.Equal(t, 1, table.Oldest())
	require.Nil(t, table.Row(3))
	require.Equal(t, 1, oldest(table.AddDataKey(dataKey("a"))))

	require.Equal(t, 5, oldest(table.Trim(5)))
	require.Equal(t, 7, oldest(table.Trim(7)))
	require.Zero(t, table.Trim(7).Before)
	require.Equal(t, 8, oldest(table.Trim(8)))

	few := New(rows("a:1", "a:2", "a:3")...)
	require.Equal(t, few, few.StartAt(2), "there are more rows than that")
	require.Equal(t, 1, oldest(New(rows("a:1", "a:2")...).Trim(1)))
}
