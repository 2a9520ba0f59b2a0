package call

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A shelf is a KMS that lists things, each with a number in its first field.
type shelf struct {
	things int
	// claims is the TotalCount of its answers, and fails the page that it can't give.
	claims, fails int
	asked         []string
}

var errTorn = errors.New("the page is torn")

func (s *shelf) Do(_ context.Context, r kmsapi.Request) (kmsapi.Response, error) {
	params := kmsapi.Encode(r)
	s.asked = append(s.asked, params.Get(pageNumber)+"/"+params.Get(pageSize))
	number, _ := strconv.Atoi(params.Get(pageNumber))
	size, _ := strconv.Atoi(params.Get(pageSize))
	if number == s.fails {
		return nil, errTorn
	}
	answer := r.NewResponse()
	whole := reflect.ValueOf(answer).Elem()
	slice := whole.FieldByIndex(shapeOf(r.Operation()).lists[0].index)
	for n := (number - 1) * size; n < min(number*size, s.things); n++ {
		entry := reflect.New(slice.Type().Elem()).Elem()
		entry.Field(0).SetString(strconv.Itoa(n))
		slice.Set(reflect.Append(slice, entry))
	}
	whole.FieldByName(totalCount).SetInt(int64(s.claims))
	return answer, nil
}

func readAll(t *testing.T, op kmsapi.Operation, s *shelf, params kmsapi.Params) (kmsapi.Response, error) {
	t.Helper()
	p, err := newPager(op, params, shapeOf(op))
	require.NoError(t, err)
	return p.read(t.Context(), s)
}

// required are values for the parameters that op needs.
func required(op kmsapi.Operation) (params kmsapi.Params) {
	for _, rule := range kmsapi.Describe(op.NewRequest()) {
		if rule.Required {
			params = params.Add(rule.Name, sample(rule))
		}
	}
	return params
}

func TestEveryOperationThatListsPagesCanReadThemAll(t *testing.T) {
	found := 0
	for _, op := range kmsapi.Operations() {
		if !op.Takes(pageNumber) {
			continue
		}
		found++
		for things, pages := range map[int]int{0: 1, 1: 1, 3: 1, 4: 2, 7: 3} {
			s := &shelf{things: things, claims: things}
			answer, err := readAll(t, op, s, required(op).Add(pageSize, "3"))
			require.NoError(t, err)
			require.Len(t, s.asked, pages)
			entries := shapeOf(op).lists[0].entries(answer)
			require.Len(t, entries, things)
			for n, entry := range entries {
				require.Equal(t, strconv.Itoa(n), entry.Field(0).String())
			}
			require.Equal(t, things, intField(answer, pageSize))
			require.Equal(t, things, intField(answer, totalCount))
		}
	}
	require.Positive(t, found)
}

func TestPagesAreAsLargeAsTheyMayBe(t *testing.T) {
	s := &shelf{things: 150, claims: 150}
	_, err := readAll(t, kmsapi.OpListKeys, s, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1/101", "2/101"}, s.asked)
}

func TestReadingPagesEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		shelf shelf
		pages int
		err   error
	}{
		"more are promised than there are": {shelf{things: 4, claims: 1 << 40}, 3, nil},
		"fewer are promised":               {shelf{things: 4, claims: -1}, 1, nil},
		"a page can't be had":              {shelf{things: 4, claims: 4, fails: 2}, 2, errTorn},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAll(t, kmsapi.OpListKeys, &tc.shelf, kmsapi.Params{{Name: pageSize, Value: "3"}})
			require.ErrorIs(t, err, tc.err)
			require.Len(t, tc.shelf.asked, tc.pages)
		})
	}
}
