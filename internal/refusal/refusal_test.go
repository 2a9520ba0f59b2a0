package refusal

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestRefusalsAreBareCodedErrors(t *testing.T) {
	for status, refuse := range map[int]func(string, ...any) error{
		400: BadRequest, 403: Forbidden, 404: NotFound, 405: NotAllowed, 409: Conflict,
		500: Internal, 502: BadGateway, 503: Unavailable,
	} {
		err := refuse("no %s", "way")
		require.Equal(t, logical.CodedError(status, "no way"), err)
		require.Equal(t, status, Status(err))
		require.Equal(t, status, Status(fmt.Errorf("wrapped: %w", err)))
	}
	require.Equal(t, 500, Status(errors.New("without a status")))
}

func TestAdviceIsFilledIn(t *testing.T) {
	require.Equal(t, "run: vault read kms/keys/a", Advice("run: vault read {mount}keys/{key}", "kms/", "a"))
	require.Equal(t, "", Advice("", "kms/", "a"))
	require.Equal(t, "{key}/", Advice("{mount}", "{key}/", "a"), "a name is not advice")
}

func TestASentenceIsAddedToAnErrorWithAStatus(t *testing.T) {
	err := Also(NotAllowed("the path can't be %s", "read"), "See the help.")
	require.Equal(t, http.StatusMethodNotAllowed, Status(err))
	require.EqualError(t, err, "the path can't be read. See the help.")
	require.Equal(t, logical.ErrReadOnly, Also(logical.ErrReadOnly, "See the help."), "Vault knows it by identity")
	require.NoError(t, Also(nil, "See the help."))
}

func TestSentencesAreJoined(t *testing.T) {
	for want, parts := range map[string][]string{
		"":              nil,
		"One":           {"", "One", ""},
		"One.":          {"One."},
		"One. Two":      {"One", "Two"},
		"One. Two.":     {"One.", "", "Two."},
		"One. Two. End": {"One", "Two", "End"},
		"One? Two":      {"One?", "Two"},
	} {
		require.Equal(t, want, Sentences(parts...))
	}
}
