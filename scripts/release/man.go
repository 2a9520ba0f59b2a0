package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// links matches links of Markdown: their words and their target.
var links = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)

// pageLayout is a page from a name, a sentence and a page of the docs.
const pageLayout = `# NAME

%s - %s

# DESCRIPTION

%s

# SEE ALSO

**alicloudkms**(1), https://%s/blob/%s/docs/%s.md
`

// manPages returns a page for each of docs/alicloudkms-*.md, and alicloudkms(1), which lists them.
func manPages(r *Release) (pages []packaged, err error) {
	docs, err := filepath.Glob(filepath.Join(r.Root, "docs", server.Name+"-*.md"))
	if err != nil {
		return nil, err
	}
	list := "# NAME\n\nalicloudkms - " + server.Summary + "\n\n# COMMANDS\n"
	for _, doc := range docs {
		content, err := os.ReadFile(doc)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(doc), ".md")
		_, body, _ := strings.Cut(string(content), "\n\n") // The title is the page's name.
		first, _, _ := strings.Cut(body, "\n\n")
		sentence, _, _ := strings.Cut(strings.ReplaceAll(first, "\n", " "), ". ")
		sentence = strings.TrimSuffix(plain(sentence), ".")
		list += fmt.Sprintf("\n**%s**(1)\n: %s.\n", name, sentence)
		page, err := r.manPage(name, fmt.Sprintf(pageLayout, name, sentence, body, module, r.Version, name))
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	page, err := r.manPage(server.Name, list)
	return append(pages, page), err
}

func (r *Release) manPage(name, markdown string) (packaged, error) {
	header := fmt.Sprintf("%% %s 1 %s %q\n\n", strings.ToUpper(name), r.Time.Format("2006-01-02"), r.Version)
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(md2man.Render([]byte(header + described(plain(markdown))))); err != nil {
		return packaged{}, err
	}
	err := w.Close()
	return packaged{"/usr/share/man/man1/" + name + ".1.gz", 0o644, out.Bytes()}, err
}

// plain keeps only the words of links, since they lead nowhere from a man page: SEE ALSO names the page that has them.
func plain(markdown string) string { return links.ReplaceAllString(markdown, "$1") }

// row matches a row of a table with two columns.
var row = regexp.MustCompile(`^\| (.+?) \| (.*?) ?\|$`)

// described makes lists of definitions from tables with two columns, such as those of flags: as tables, they would be
// wider than a terminal.
func described(markdown string) string {
	lines := strings.Split(markdown, "\n")
	var out []string
	for i := 0; i < len(lines); i++ {
		heading := i+1 < len(lines) && lines[i+1] == "|---|---|"
		if !heading {
			out = append(out, lines[i])
			continue
		}
		for i += 2; i < len(lines); i++ {
			cells := row.FindStringSubmatch(lines[i])
			if cells == nil {
				break
			}
			out = append(out, cells[1], ": "+cells[2], "")
		}
		i-- // The line after the table is looked at next.
	}
	return strings.Join(out, "\n")
}
