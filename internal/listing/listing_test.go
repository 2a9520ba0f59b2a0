package listing

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// numbers returns the numbers from first on, as a service lists them.
func numbers(first, count int) []string {
	list := make([]string, 0, count)
	for n := first; n < first+count; n++ {
		list = append(list, strconv.Itoa(n))
	}
	return list
}

// pages is an honest service with count entries, which returns size of them at a time.
func pages(count, size int) Fetch[string] {
	return func(page int) ([]string, int, error) {
		first := min((page-1)*size, count)
		return numbers(first, min(size, count-first)), count, nil
	}
}

func same(s string) string { return s }

func TestAllPagesAreCollected(t *testing.T) {
	for name, c := range map[string]struct {
		next         Fetch[string]
		want, atMost int
	}{
		"none":                                {pages(0, 100), 0, 1},
		"one":                                 {pages(1, 100), 1, 1},
		"a page that is nearly full":          {pages(99, 100), 99, 1},
		"a full page":                         {pages(100, 100), 100, 2},
		"one more":                            {pages(101, 100), 101, 2},
		"several pages":                       {pages(250, 100), 250, 3},
		"a service that gives less at a time": {pages(250, 10), 250, 25},
		"a count that is too low": {func(page int) ([]string, int, error) {
			list, _, _ := pages(250, 100)(page)
			return list, 1, nil
		}, 250, 3},
		"a count that is too high": {func(page int) ([]string, int, error) {
			list, _, _ := pages(250, 100)(page)
			return list, 1 << 40, nil
		}, 250, 4},
		"a negative count": {func(page int) ([]string, int, error) {
			list, _, _ := pages(250, 100)(page)
			return list, -1, nil
		}, 250, 3},
		"the same page for ever": {func(int) ([]string, int, error) { return numbers(0, 100), 1000, nil }, 100, 2},
		"an entry that moves to the next page meanwhile": {func(page int) ([]string, int, error) {
			return numbers((page-1)*100-(page-1), min(100, 201-(page-1)*99)), 201, nil
		}, 201, 3},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			l, err := Collect(func(page int) ([]string, int, error) {
				asked++
				require.Equal(t, asked, page)
				return c.next(page)
			}, same)
			require.NoError(t, err)
			want := numbers(0, c.want)
			require.ElementsMatch(t, want, slices.Collect(maps.Keys(l.Entries)))
			require.LessOrEqual(t, asked, c.atMost)
		})
	}
}

func TestListWithoutAnEndEnds(t *testing.T) {
	asked := 0
	_, err := Collect(func(page int) ([]string, int, error) {
		asked = page
		return numbers(page*100, 100), page*100 + 100, nil
	}, same)
	require.Equal(t, refusal.BadGateway("KMS lists more than %d pages, which can't be right", MaxPages), err)
	require.Equal(t, MaxPages, asked)
}

func TestListFailsIfOnePageDoes(t *testing.T) {
	failure := errors.New("no")
	for failing := 1; failing <= 3; failing++ {
		_, err := Collect(func(page int) ([]string, int, error) {
			if page == failing {
				return nil, 0, failure
			}
			return pages(250, 100)(page)
		}, same)
		require.Equal(t, failure, err)
	}
}

func TestListThatMayMissSomethingIsAWarning(t *testing.T) {
	whole, err := Collect(pages(250, 100), same)
	require.NoError(t, err)
	require.Empty(t, whole.Warn(&logical.Response{}).Warnings)

	for name, next := range map[string]Fetch[string]{
		"an entry is deleted between the pages, and all others move up": func(page int) ([]string, int, error) {
			if page == 1 {
				return numbers(0, 100), 150, nil
			}
			return numbers(101, 49), 149, nil
		},
		"KMS counts more than it lists": func(page int) ([]string, int, error) {
			list, _, _ := pages(250, 100)(page)
			return list, 251, nil
		},
	} {
		torn, err := Collect(next, same)
		require.NoError(t, err)
		require.Len(t, torn.Warn(&logical.Response{}).Warnings, 1, name)
	}
}
