package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"tidings/store"
)

func documentsCommand() *cobra.Command {
	d := &documentsCommands{remote: newRemote()}
	cmd := &cobra.Command{
		Use:   "documents",
		Short: "Read and write the documents of a server",
		Long: "Read and write the documents of a server, over its HTTP API. A collection is index/name, such as city/taxis. Documents are printed as JSON, one in each line,\n" +
			"as `tidings documents import` reads them.",
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&d.url, "url", environ("TIDINGS_URL", defaultURL), "the server, with its base path (environment: TIDINGS_URL)")
	flags.StringVar(&d.keyFile, "key-file", "", "a file with the API key; else the environment's TIDINGS_API_KEY")
	flags.IntVar(&d.retries, "retries", 5, "how often to try again when the server cannot be reached or says so")
	cmd.AddCommand(d.collectionsCommand(), d.listCommand(), d.getCommand(), d.importCommand(),
		d.manageCommand(store.Make), d.manageCommand(store.Truncate), d.manageCommand(store.Drop))
	for _, do := range []store.Action{store.Create, store.Put, store.Patch, store.Remove} {
		cmd.AddCommand(d.writeCommand(do))
	}
	return cmd
}

func (d *documentsCommands) collectionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "collections",
		Short:   "Print the collections that there are, as far as the key may read them",
		Example: `  tidings documents collections`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for after := ""; ; {
				path := "/api/documents"
				if after != "" {
					path += "?after=" + url.QueryEscape(after)
				}
				raw, err := d.ask(cmd, http.MethodGet, path, nil)
				if err != nil {
					return err
				}
				var page struct {
					Collections []string
					Next        string
				}
				if err := json.Unmarshal(raw, &page); err != nil {
					return err
				}
				for _, name := range page.Collections {
					if _, err := fmt.Fprintln(cmd.OutOrStdout(), name); err != nil {
						return err
					}
				}
				if after = page.Next; after == "" {
					return nil
				}
			}
		},
	}
}

func (d *documentsCommands) listCommand() *cobra.Command {
	var filter string
	var sort []string
	var limit int
	var count bool
	cmd := &cobra.Command{
		Use:     "list COLLECTION",
		Aliases: []string{"search"},
		Short:   "Print the documents of a collection, or those that a filter matches",
		Example: `  tidings documents list city/taxis
  tidings documents search city/taxis --filter '{"equals": {"free": true}}' --sort -seats,driver --limit 10
  tidings documents list city/taxis --count`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := documentsPath(args[0], "_search")
			if err != nil {
				return err
			}
			query := map[string]any{}
			if filter != "" {
				if !json.Valid([]byte(filter)) {
					return errors.New(`--filter is not JSON; give an object, such as --filter '{"equals": {"free": true}}'`)
				}
				query["filter"] = json.RawMessage(filter)
			}
			if len(sort) > 0 {
				query["sort"] = sort
			}
			if count {
				return d.count(cmd, path, query)
			}
			return d.list(cmd, path, query, limit)
		},
	}
	cmd.Flags().StringVar(&filter, "filter", "", `print those that it matches, such as '{"equals": {"free": true}}'`)
	cmd.Flags().StringSliceVar(&sort, "sort", nil, "at most 4 fields, - before one for descending; then by id")
	cmd.Flags().IntVar(&limit, "limit", 0, "print no more than so many (default all)")
	cmd.Flags().BoolVar(&count, "count", false, "print how many there are, and none of them")
	return cmd
}

// listPage is the answer to a search, as far as it is printed.
type listPage struct {
	Documents []json.RawMessage
	Next      string
	Total     *int
}

// list prints what a query finds, page by page. A limit of 0 is none.
func (d *documentsCommands) list(cmd *cobra.Command, path string, query map[string]any, limit int) error {
	for printed := 0; ; {
		query["limit"] = store.MaxLimit
		if limit > 0 {
			query["limit"] = min(store.MaxLimit, limit-printed)
		}
		page, err := d.search(cmd, path, query)
		if err != nil {
			return err
		}
		for _, document := range page.Documents {
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", document); err != nil {
				return err
			}
		}
		printed += len(page.Documents)
		if page.Next == "" || limit > 0 && printed >= limit {
			return nil
		}
		query["after"] = page.Next
	}
}

func (d *documentsCommands) search(cmd *cobra.Command, path string, query map[string]any) (page listPage, err error) {
	body, err := json.Marshal(query)
	if err != nil {
		return page, err
	}
	raw, err := d.ask(cmd, http.MethodPost, path, body)
	if err != nil {
		return page, err
	}
	err = json.Unmarshal(raw, &page)
	return page, err
}

func (d *documentsCommands) count(cmd *cobra.Command, path string, query map[string]any) error {
	query["count"], query["limit"] = true, 1
	page, err := d.search(cmd, path, query)
	if err == nil && page.Total == nil {
		err = fmt.Errorf("there are more than %d, which a search does not count", store.MaxRead)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), *page.Total)
	return err
}

func (d *documentsCommands) getCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "get COLLECTION ID…",
		Short:   "Print documents by their ids",
		Example: `  tidings documents get city/taxis t17`,
		Args:    cobra.MinimumNArgs(2),
		RunE:    d.each(func(cmd *cobra.Command, path string) ([]byte, error) { return d.ask(cmd, http.MethodGet, path, nil) }),
	}
}

// each makes a command that asks for one document after the other and prints the answers.
func (d *documentsCommands) each(ask func(cmd *cobra.Command, path string) ([]byte, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		for _, id := range args[1:] {
			path, err := documentsPath(args[0], id)
			if err == nil {
				err = store.CheckID(id)
			}
			if err != nil {
				return err
			}
			answer, err := ask(cmd, path)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", answer); err != nil {
				return err
			}
		}
		return nil
	}
}

// writing is what the flags of a command that writes one document say.
type writing struct {
	data, user     string
	silent, upsert bool
	version        uint64
}

func (w *writing) query() string {
	q := url.Values{}
	if w.user != "" {
		q.Set("user", w.user)
	}
	if w.silent {
		q.Set("silent", "true")
	}
	if w.upsert {
		q.Set("upsert", "true")
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (w *writing) header() []string {
	h := onceHeader()
	if w.version != 0 {
		h = append(h, "If-Match", fmt.Sprintf(`"%d"`, w.version))
	}
	return h
}

func (d *documentsCommands) writeCommand(do store.Action) *cobra.Command {
	w := &writing{}
	cmd := &cobra.Command{Args: cobra.ExactArgs(2)}
	method := http.MethodPut
	switch do {
	case store.Create:
		cmd.Use, cmd.Short, cmd.Args, method = "create COLLECTION", "Create a document under an id that is drawn", cobra.ExactArgs(1), http.MethodPost
		cmd.Example = `  tidings documents create city/taxis --data '{"driver": "Ann", "free": true}'`
	case store.Put:
		cmd.Use, cmd.Short = "put COLLECTION ID", "Create a document, or replace its content"
		cmd.Example = `  tidings documents put city/taxis t17 --data '{"driver": "Ann", "free": true}'`
	case store.Patch:
		cmd.Use, cmd.Short, method = "patch COLLECTION ID", "Merge members into a document: objects are merged, all else is replaced", http.MethodPatch
		cmd.Example = `  echo '{"free": false}' | tidings documents patch city/taxis t17`
		cmd.Flags().BoolVar(&w.upsert, "upsert", false, "create it if there is none")
	case store.Remove:
		cmd.Use, cmd.Short, cmd.Args = "remove COLLECTION ID…", "Remove documents", cobra.MinimumNArgs(2)
		cmd.Example = `  tidings documents remove city/taxis t17`
	}
	flags := cmd.Flags()
	flags.StringVar(&w.user, "user", "", "the user that is noted as who wrote it")
	flags.BoolVar(&w.silent, "silent", false, "make no message: nobody is told")
	if do != store.Create {
		flags.Uint64Var(&w.version, "version", 0, "only if the document has this _version")
	}
	if do == store.Remove {
		cmd.RunE = d.each(func(cmd *cobra.Command, path string) ([]byte, error) {
			return d.ask(cmd, http.MethodDelete, path+w.query(), nil, w.header()...)
		})
		return cmd
	}
	flags.StringVar(&w.data, "data", "", "the content, a JSON object; without it, it is read from standard input")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := documentsPath(args[0], args[1:]...)
		if err != nil {
			return err
		}
		content, err := w.content(cmd)
		if err != nil {
			return err
		}
		answer, err := d.ask(cmd, method, path+w.query(), content, w.header()...)
		if err == nil {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", answer)
		}
		return err
	}
	return cmd
}

// content returns what is written, a JSON object.
func (w *writing) content(cmd *cobra.Command) (content []byte, err error) {
	content = []byte(w.data)
	if !cmd.Flags().Changed("data") {
		if content, err = io.ReadAll(cmd.InOrStdin()); err != nil {
			return nil, err
		}
	}
	content = bytes.TrimSpace(content)
	if !json.Valid(content) || content[0] != '{' {
		return nil, errors.New(`the content is no JSON object; give it with --data '{"free": true}', or on standard input`)
	}
	return content, nil
}

func (d *documentsCommands) manageCommand(do store.Action) *cobra.Command {
	cmd := &cobra.Command{Args: cobra.ExactArgs(1)}
	method, more, sure := http.MethodPost, []string(nil), false
	switch do {
	case store.Make:
		cmd.Use, cmd.Short, method = "make COLLECTION", "Make a collection without documents", http.MethodPut
		cmd.Long = "Make a collection without documents. It need not be made first: a collection comes to be with its first document."
		cmd.Example = `  tidings documents make city/taxis`
	case store.Truncate:
		cmd.Use, cmd.Short, more = "truncate COLLECTION", "Remove all documents of a collection; who hears it is told to load anew", []string{"_truncate"}
		cmd.Example = `  tidings documents truncate city/taxis --yes`
	case store.Drop:
		cmd.Use, cmd.Short, method = "drop COLLECTION", "Remove all documents of a collection, and the collection", http.MethodDelete
		cmd.Example = `  tidings documents drop city/taxis --yes`
	}
	if do != store.Make {
		cmd.Flags().BoolVar(&sure, "yes", false, "really: what is removed cannot be brought back")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := documentsPath(args[0], more...)
		if err != nil {
			return err
		}
		if do != store.Make && !sure {
			return fmt.Errorf("that removes all documents of %s, and cannot be undone: add --yes (tidings documents list %s prints them, as import reads them)", args[0], args[0])
		}
		answer, err := d.ask(cmd, method, path, nil, onceHeader()...)
		if err == nil {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", answer)
		}
		return err
	}
	return cmd
}
