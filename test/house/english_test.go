package house

import (
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// phrase is a phrase that makes a native speaker stop.
type phrase struct {
	name string
	// find returns the offsets of its occurrences in a passage.
	find func(passage string) []int
}

var phrases = []phrase{
	{"told", word(`told`)},
	{"stands in, there or beside", word(`st(?:ands?|ood|anding)\s+(?:in|there|beside)`)},
	{"anew", word(`anew`)},
	{"a bare who", bareWho},
	{"a text", word(`texts|an?\s+(?:[a-z]+\s+)?text`, `text\s+(?:files?|editors?|handlers?|formats?)`, `help\s+text`)},
	{"is no more", word(`(?:is|are|was|were)\s+no\s+more`, `more\s+(?:than|and)`)},
	{"any more", word(`any\s+more`, `more\s+(?:than|of)`)},
	{"else than", word(`else\s+than`)},
	{"mend", word(`mend(?:s|ed|ing)?`)},
	{"by now", word(`by\s+now`)},
	{"whole number", word(`whole\s+numbers?`)},
	{"all the same", word(`all\s+the\s+same`)},
	{"of before, now or today", word(`of\s+(?:before|now|today)`, `of\s+today's`)},
	{"another than", word(`another\s+(?:[a-z]+\s+){1,3}than`, `another\s+took`)},
}

// word finds a pattern as whole words in either case, except where a match overlaps one of the exception.
func word(pattern string, exception ...string) func(string) []int {
	found := regexp.MustCompile(`(?i)\b(?:` + pattern + `)\b`)
	allowed := regexp.MustCompile(`(?i)\b(?:` + strings.Join(exception, "|") + `)\b`)
	return func(passage string) (at []int) {
		for _, match := range found.FindAllStringIndex(passage, -1) {
			overlap := allowed.FindStringIndex(passage[match[0]:])
			if len(exception) == 0 || overlap == nil || match[0]+overlap[0] >= match[1] {
				at = append(at, match[0])
			}
		}
		return at
	}
}

var (
	who = regexp.MustCompile(`(?i)\bwho[*_]*\s+[a-z]`)
	// notANoun ends in a word that a relative clause can't refer to.
	notANoun = regexp.MustCompile(`(?i)\b(?:about|against|and|are|as|asks?|at|because|between|be|but|by|checks?|decides?|` +
		`even|finds?|for|from|gives?|if|in|is|knows?|learns?|lets?|may|means?|nor|not|of|on|only|or|per|says?|sees?|shows?|` +
		`since|so|stops?|tells?|than|that|then|through|to|unless|until|was|were|when|where|whether|while|with|without)$`)
	endOfClause = regexp.MustCompile(`(?:^|[.,:;!?()|/"'#–—-]|\n\s*\n\s*)$`)
)

// bareWho finds each "who" that is used as a noun ("Who signs may read", "for who signs") instead of referring to the
// noun before it ("a caller who signs"). Questions may begin with it.
func bareWho(passage string) (at []int) {
	for _, match := range who.FindAllStringIndex(passage, -1) {
		before := strings.TrimRight(passage[:match[0]], "*_`")
		spaceless := strings.TrimRight(before, " \t\r\n")
		bare := endOfClause.MatchString(before) || endOfClause.MatchString(spaceless) || notANoun.MatchString(spaceless)
		if sentence, _, _ := strings.Cut(passage[match[0]:], "."); bare && !strings.Contains(sentence, "?") {
			at = append(at, match[0])
		}
	}
	return at
}

// passage is prose in a source.
type passage struct {
	line int
	text string
}

func TestEnglishHasNoBannedPhrases(t *testing.T) {
	for _, s := range sources(t, ".go", ".md", ".mjs", ".sh", ".txtar", ".service", "Makefile", "run") {
		if s.path == "test/house/english_test.go" {
			continue
		}
		for _, p := range passages(t, s) {
			for _, phrase := range phrases {
				for _, at := range phrase.find(p.text) {
					line := p.line + strings.Count(p.text[:at], "\n")
					t.Errorf("%s:%d: %s: %.40q", s.path, line, phrase.name, p.text[at:])
				}
			}
		}
	}
}

// passages returns the comments and strings of a Go file, the prose of a document, or the whole of any other file.
func passages(t *testing.T, s source) []passage {
	t.Helper()
	switch s.kind() {
	case ".go":
		return goPassages(t, s)
	case ".md":
		return []passage{{1, withoutCode(s.lines())}}
	default:
		return []passage{{1, commentMark.ReplaceAllString(s.content, "")}}
	}
}

var commentMark = regexp.MustCompile(`(?m)^[ \t]*(?:#|//)[ \t]?`)

func goPassages(t *testing.T, s source) (found []passage) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, s.path, s.content, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, group := range file.Comments {
		found = append(found, passage{files.Position(group.Pos()).Line, group.Text()})
	}
	return append(found, goStrings(t, s)...)
}

// withoutCode returns a document with empty fenced blocks and code spans.
func withoutCode(lines []string) string {
	inside := false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			inside = !inside
		}
		if fence || inside {
			lines[i] = ""
		}
	}
	return codeSpan.ReplaceAllString(strings.Join(lines, "\n"), "``")
}

var codeSpan = regexp.MustCompile("`[^`\n]*`")

func TestEnglishPhrasesAreRecognized(t *testing.T) {
	for text, want := range map[string]string{
		"The caller is told why.":                 "told",
		"Nobody told it.":                         "told",
		"the number that\nstands there":           "stands in, there or beside",
		"the reason standing beside it":           "stands in, there or beside",
		"It opens the log anew.":                  "anew",
		"Who may write it can read it.":           "a bare who",
		"**Who** may write":                       "a bare who",
		"It is for who looks after keys.":         "a bare who",
		"It lets in no client, who may retry.":    "a bare who",
		"That is up to\nwho calls it.":            "a bare who",
		"It says who signed.":                     "a bare who",
		"| Who reads it |":                        "a bare who",
		"a list of keys\n\nWho has them":          "a bare who",
		"a stranger who knows the key":            "",
		"for anyone\nwho may write":               "",
		"those who read, and `app` who doesn't":   "",
		"Who may write it?":                       "",
		"the map's \"who\" field":                 "",
		"a list of texts":                         "a text",
		"The value must be a text.":               "a text",
		"an empty text":                           "a text",
		"a text file, in the text editor's texts": "a text",
		"a text file with a help text":            "",
		"the text of the message":                 "",
		"a plaintext":                             "",
		"The token is no more.":                   "is no more",
		"It does not start any more.":             "any more",
		"Is there any more of it?":                "",
		"Something else than KMS answered.":       "else than",
		"It was mended.":                          "mend",
		"See the amendment.":                      "",
		"It is no more than a name.":              "",
		"The key exists by now.":                  "by now",
		"It must be a whole number.":              "whole number",
		"whole numbers":                           "whole number",
		"the whole\nnumber":                       "whole number",
		"It may have run all the\nsame.":          "all the same",
		"It was all of the same kind.":            "",
		"a plugin of before":                      "of before, now or today",
		"the configuration of\nnow":               "of before, now or today",
		"the layout of today":                     "of before, now or today",
		"the form of today's API":                 "",
		"another root key than the store's":       "another than",
		"a root key other than the store's":       "",
	} {
		var found []string
		for _, phrase := range phrases {
			if len(phrase.find(text)) > 0 {
				found = append(found, phrase.name)
			}
		}
		require.Equal(t, want, strings.Join(found, ", "), text)
	}
}

func TestEnglishIsCheckedInCommentsStringsAndDocuments(t *testing.T) {
	for name, tc := range map[string]struct {
		path, content string
		want          int
	}{
		"a comment":              {"a.go", "package a\n\n// It is\n// told.\nvar x int", 1},
		"a string":               {"a.go", "package a\n\nvar x = \"it is told\"", 1},
		"a raw string":           {"a.go", "package a\n\nvar x = `it is\ntold`", 1},
		"an identifier":          {"a.go", "package a\n\nvar told int", 0},
		"a document":             {"a.md", "# Told\n", 1},
		"a fenced block":         {"a.md", "```sh\ntold\n```\n", 0},
		"a code span":            {"a.md", "`told`\n", 0},
		"a script":               {"a.sh", "# It is\n# told.\necho told\n", 2},
		"a clause over two rows": {"a.mjs", "// a client\n// who signs\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			found := 0
			for _, p := range passages(t, source{path: tc.path, content: tc.content}) {
				for _, phrase := range phrases {
					found += len(phrase.find(p.text))
				}
			}
			require.Equal(t, tc.want, found)
		})
	}
}
