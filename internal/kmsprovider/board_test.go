package kmsprovider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersThatOvertakeEachOther(t *testing.T) {
	for name, tc := range map[string]struct {
		// events are questions, such as "1?", and their answers, such as "1=a".
		events, want string
	}{
		"one answer":                        {"1? 1=a", "a"},
		"a rotation":                        {"1? 1=a 2? 2=b", "b"},
		"a late answer to an earlier check": {"1? 1=a 2? 3? 3=b 2=a", "b"},
		"a new one overtaken by one before": {"1? 2? 2=a 1=b", "b"},
		"the way back":                      {"1? 1=a 2? 2=b 3? 3=a", "a"},
		"the way back, and a late answer":   {"1? 1=a 2? 2=b 3? 4? 4=a 3=b", "a"},
		"a late answer after the new again": {"1? 1=a 2? 2=b 3? 4? 4=b 3=a", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBoard()
			asked := map[string]uint64{}
			for event := range strings.FieldsSeq(tc.events) {
				if question, ok := strings.CutSuffix(event, "?"); ok {
					asked[question] = b.ask()
					continue
				}
				question, keyID, _ := strings.Cut(event, "=")
				b.answer(asked[question], keyID)
			}
			b.checked("")
			keyID, problem := b.show()
			require.Equal(t, tc.want, keyID)
			require.Empty(t, problem)
		})
	}
}

func TestAProblemHidesTheKeyID(t *testing.T) {
	b := newBoard()
	keyID, problem := b.show()
	require.Empty(t, keyID)
	require.Equal(t, noCheckYet, problem)
	b.answer(b.ask(), "v1")
	require.True(t, b.checked(""))
	require.False(t, b.checked(""))
	require.True(t, b.checked("KMS is away"))
	require.False(t, b.checked("KMS is still away"))
	keyID, problem = b.show()
	require.Empty(t, keyID, "the API server would go on with it for ever")
	require.Equal(t, "KMS is still away", problem)
}
