package versions

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows makes rows from their CMKs and versions, such as "a:1".
func rows(names ...string) (made []Row) {
	for _, name := range names {
		cmk, id, _ := strings.Cut(name, ":")
		made = append(made, Row{CMK: cmk, KeyVersionID: id})
	}
	return made
}

// names is the inverse of rows.
func names(t Table) (written []string) {
	for _, row := range t.Rows {
		written = append(written, row.CMK+":"+row.KeyVersionID)
	}
	return written
}

func TestVersionOfKMSCountsAsItsNewestRow(t *testing.T) {
	table := New(rows("a:1", "a:2", "b:1", "a:2")...)
	for version, n := range map[string]int{
		"a:1": 1, "a:2": 4, "b:1": 3,
		"a:9": 4, "b:9": 3, "a:": 4, // Without a row, as the newest of the CMK.
		"c:1": 0, ":": 0,
	} {
		row := rows(version)[0]
		require.Equal(t, n, table.Number(row.CMK, row.KeyVersionID), version)
	}
	require.Equal(t, 4, table.Newest())
	require.Equal(t, "a", table.Current())
	require.Equal(t, []string{"a", "b"}, table.CMKs())
	require.Nil(t, table.Row(0))
	require.Nil(t, table.Row(5))
	require.Equal(t, "b", table.Row(3).CMK)
}

func TestOldestVersionThatOpens(t *testing.T) {
	table := New(rows("a:1", "a:2", "b:1", "b:2")...)
	for minimum, opens := range map[int]string{
		0: "a:1 a:2 a:9 b:1 b:2 b:9", 1: "a:1 a:2 a:9 b:1 b:2 b:9", 2: "a:2 a:9 b:1 b:2 b:9", 3: "b:1 b:2 b:9",
		4: "b:2 b:9", 5: "b:2 b:9", // The newest version of the current CMK always opens.
	} {
		var able []string
		for _, version := range []string{"a:1", "a:2", "a:9", "b:1", "b:2", "b:9", "c:1"} {
			row := rows(version)[0]
			if table.Opens(row.CMK, row.KeyVersionID, minimum) {
				able = append(able, version)
			}
		}
		require.Equal(t, opens, strings.Join(able, " "), "minimum %d", minimum)
	}
}

func TestMergeAddsWhatHasNoRow(t *testing.T) {
	for name, c := range map[string]struct{ table, listed, want string }{
		"nothing new":                      {"a:1 a:2", "a:1 a:2", "a:1 a:2"},
		"one":                              {"a:1", "a:1 a:2", "a:1 a:2"},
		"several":                          {"a:1", "a:1 a:2 a:3", "a:1 a:2 a:3"},
		"a list that is behind":            {"a:1 a:2", "a:1", "a:1 a:2"},
		"an empty list":                    {"a:1", "", "a:1"},
		"one that is older than a row":     {"a:1 a:3", "a:1 a:2 a:3", "a:1 a:3"},
		"one older and one newer":          {"a:1 a:3", "a:1 a:2 a:3 a:4", "a:1 a:3 a:4"},
		"the first":                        {"a:", "a:1", "a:1"},
		"the first and more":               {"a:", "a:1 a:2 a:3", "a:1 a:2 a:3"},
		"the first, with one known":        {"a: a:2", "a:1 a:2", "a:1 a:2"},
		"the first, with one between":      {"a: a:3", "a:1 a:2 a:3", "a:1 a:3"},
		"nothing to tell of the first":     {"a: a:2", "a:2", "a: a:2"},
		"with an earlier CMK":              {"b:1 a:1", "a:1 a:2", "b:1 a:1 a:2"},
		"with an earlier CMK of no tale":   {"b: a:", "a:1 a:2", "b: a:1 a:2"},
		"ids that are not in their order":  {"a:9", "a:9 a:1 a:5", "a:9 a:1 a:5"},
		"the newest has two rows":          {"a:1 b:1 a:1", "a:1 a:2", "a:1 b:1 a:1 a:2"},
		"a version of the same id as b's":  {"b:1 a:2", "a:2 a:1", "b:1 a:2 a:1"},
		"only what is older than all rows": {"a:2", "a:1 a:2", "a:2"},
	} {
		t.Run(name, func(t *testing.T) {
			table := New(rows(strings.Fields(c.table)...)...)
			before := slices.Clone(table.Rows)
			merged := table.Merge(rows(strings.Fields(c.listed)...))
			require.Equal(t, c.want, strings.Join(names(merged), " "))
			require.Equal(t, before, table.Rows, "a table is a value")
		})
	}
}

func TestMergeCompletesRows(t *testing.T) {
	whole := Row{CMK: "a", KeyVersionID: "1", Created: "now", PublicKey: "PEM"}
	table := New(Row{CMK: "a", KeyVersionID: "1"}).Merge([]Row{whole})
	require.Equal(t, []Row{whole}, table.Rows)
	table = table.Merge([]Row{{CMK: "a", KeyVersionID: "1", Created: "then", PublicKey: "another"}})
	require.Equal(t, "PEM", table.Rows[0].PublicKey, "what is known stays")
}

func TestAnotherCMKFollows(t *testing.T) {
	for name, c := range map[string]struct{ table, follows, want string }{
		"a new one":                     {"a:1 a:2", "b:1", "a:1 a:2 b:1"},
		"one with versions":             {"a:1", "b:1 b:2", "a:1 b:1 b:2"},
		"an earlier one":                {"a:1 b:1", "a:1", "a:1 b:1 a:1"},
		"an earlier one with more":      {"a:1 b:1", "a:1 a:2 a:3", "a:1 b:1 a:2 a:3"},
		"one of which KMS tells naught": {"a:1", "b:", "a:1 b:"},
	} {
		t.Run(name, func(t *testing.T) {
			table := New(rows(strings.Fields(c.table)...)...).Follow(rows(strings.Fields(c.follows)...)...)
			require.Equal(t, c.want, strings.Join(names(table), " "))
		})
	}
}

func TestTrimmedVersionNeverOpensAndNeverComesBack(t *testing.T) {
	table := New(rows("a:1", "a:2", "b:1", "b:2", "b:3")...).Trim(5)
	require.Equal(t, 5, table.First)
	require.Equal(t, 5, table.Newest())
	require.Equal(t, map[string][]string{"b": {"1", "2"}}, table.Trimmed, "of a CMK without a row nothing opens anyway")
	require.False(t, table.Opens("b", "2", 0))
	require.False(t, table.Opens("a", "2", 0))
	require.True(t, table.Opens("b", "3", 0))
	require.True(t, table.Opens("b", "4", 0))
	table = table.Merge(rows("b:1", "b:2", "b:3", "b:4"))
	require.Equal(t, []string{"b:3", "b:4"}, names(table))
	require.Equal(t, []string{"b:4"}, names(table.Trim(100)), "the newest version stays")
	require.Equal(t, table, table.Trim(1))
	back := table.Follow(rows("c:1")...).Follow(rows("b:1")...)
	require.True(t, back.Opens("b", "1", 0), "a version that has a row again opens")
	require.False(t, back.Opens("b", "2", 0))
}

// Whatever happens to a key, a version that has a number keeps it, or is trimmed.
func TestNumberOfAVersionNeverChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 2))
	for range 200 {
		table, made := New(rows("c0:0")...), map[string]int{"c0": 1}
		for range 30 {
			before, current := table, table.Current()
			switch n := random.IntN(10); {
			case n < 5:
				made[current] += random.IntN(3)
				table = table.Merge(rows(versionsOf(current, made[current])...))
			case n < 7:
				cmk := fmt.Sprintf("c%d", random.IntN(4))
				made[cmk] += random.IntN(3)
				made[cmk] = max(made[cmk], 1)
				table = table.Follow(rows(versionsOf(cmk, made[cmk])...)...)
			case n < 9:
				table = table.Trim(random.IntN(table.Newest() + 3))
			default:
				table = table.Add(Row{CMK: current, KeyVersionID: fmt.Sprint(made[current])})
				made[current]++
			}
			require.GreaterOrEqual(t, table.Newest(), before.Newest())
			require.GreaterOrEqual(t, table.First, before.First)
			for i := table.First; i <= before.Newest(); i++ {
				require.Equal(t, before.Row(i), table.Row(i))
			}
			newest := table.NewestRow()
			require.Equal(t, table.Newest(), table.Number(newest.CMK, newest.KeyVersionID))
			require.True(t, table.Opens(newest.CMK, newest.KeyVersionID, table.Newest()+1))
			require.True(t, table.Opens(newest.CMK, "made by KMS just now", table.Newest()))
		}
	}
}

func versionsOf(cmk string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s:%d", cmk, i))
	}
	return all
}
