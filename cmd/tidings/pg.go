package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidings/internal/config"
	"tidings/store/postgres"
)

// databaseCommands is what the commands of `tidings pg` share.
type databaseCommands struct{ file string }

func pgCommand() *cobra.Command {
	d := &databaseCommands{}
	cmd := &cobra.Command{
		Use:   "pg",
		Short: "Watch tables of PostgreSQL, so that their changes are published",
		Long: "Watch tables of PostgreSQL: what any program inserts, updates, deletes or truncates in them is published as changes of documents, once it is committed.\n" +
			"The database is that of postgres.url in the settings, or of TIDINGS_POSTGRES_URL. The server needs no restart.",
	}
	cmd.PersistentFlags().StringVar(&d.file, "config", "", "the file of settings (default tidings.yaml, if there is one)")
	cmd.AddCommand(d.watchCommand(), d.statusCommand(), d.unwatchCommand(), d.removeCommand())
	return cmd
}

// connect opens the database of the settings.
func (d *databaseCommands) connect(cmd *cobra.Command) (*postgres.Admin, error) {
	url := os.Getenv(config.EnvName("postgres.url"))
	if url == "" {
		s, err := config.Load(config.Sources{File: d.file, Environ: os.Environ()})
		if err != nil {
			return nil, fmt.Errorf("faults:\n%w", err)
		}
		url = s.PostgresURL
	}
	if url == "" {
		return nil, errors.New("no database is known: set TIDINGS_POSTGRES_URL, or postgres.url in tidings.yaml, to where it is, such as postgres://tidings:PASSWORD@db.example.com/app")
	}
	return postgres.Connect(cmd.Context(), postgres.Config{URL: url})
}

// do makes a command that works on the database.
func (d *databaseCommands) do(work func(ctx context.Context, a *postgres.Admin, out io.Writer, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a, err := d.connect(cmd)
		if err != nil {
			return err
		}
		defer a.Close()
		return work(cmd.Context(), a, cmd.OutOrStdout(), args)
	}
}

func (d *databaseCommands) watchCommand() *cobra.Command {
	var w postgres.Watch
	var dry bool
	cmd := &cobra.Command{
		Use:   "watch TABLE",
		Short: "Publish the changes of a table",
		Long: "Publish the changes of a table. It prints what it does, and does it: two triggers on the table, and a line in the schema tidings, which it makes if it is missing.\n" +
			"A document is a row: its columns, with the primary key as _id; the parts of a key of several columns have commas between them. Rows above 64 KiB are published with their id and \"truncated\": true.\n" +
			"The collection can be read and searched, and is written with SQL alone. The role of the server needs SELECT and TRIGGER on the table. A table that is watched already is watched in the new way from then on.",
		Example: "  tidings pg watch orders --columns id,status,total --dry-run\n" +
			"  tidings pg watch sales.orders --as shop/orders",
		Args: cobra.ExactArgs(1),
		RunE: d.do(func(ctx context.Context, a *postgres.Admin, out io.Writer, args []string) error {
			w.Table = args[0]
			p, err := a.Plan(ctx, w)
			if err != nil {
				return err
			}
			printPlan(out, p, len(w.Columns) > 0)
			if dry {
				fmt.Fprintln(out, "\nNothing was done: --dry-run.")
				return nil
			}
			if err := a.Apply(ctx, p); err != nil {
				return err
			}
			fmt.Fprintf(out, "\nDone. Its changes are published in the channel %s, to whom the rules let subscribe to it.\n", p.Collection.Channel())
			return nil
		}),
	}
	cmd.Flags().StringVar(&w.As, "as", "", "the collection, as index/collection (default the table's schema and name)")
	cmd.Flags().StringSliceVar(&w.Columns, "columns", nil, "the columns that documents have (default all)")
	cmd.Flags().BoolVar(&w.NoNotify, "no-notify", false, "send no NOTIFY, for tables with thousands of transactions a second: changes are seen within 250 ms then")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be done, and do nothing")
	return cmd
}

func printPlan(out io.Writer, p *postgres.Plan, chosen bool) {
	fmt.Fprintf(out, "%s as the collection %s\n  id:      %s\n  columns: %s\n", p.Table, p.Collection, strings.Join(p.Key, ", "), strings.Join(p.Columns, ", "))
	if len(p.Left) > 0 {
		fmt.Fprintf(out, "  not:     %s\n", strings.Join(p.Left, ", "))
	}
	if len(p.Suspicious) > 0 {
		fmt.Fprintf(out, "\nWarning: these look like secrets, and everybody who may subscribe would see them: %s\n", strings.Join(p.Suspicious, ", "))
	}
	if !chosen {
		fmt.Fprintln(out, "\nAll columns of today are published. --columns says which; one that is added later is not, until the table is watched anew.")
	}
	fmt.Fprintf(out, "\nBEGIN;\n%s;\nCOMMIT;\n", strings.Join(p.Statements, ";\n"))
}

func (d *databaseCommands) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Print which tables are watched, and how many changes wait",
		Args:  cobra.NoArgs,
		RunE: d.do(func(ctx context.Context, a *postgres.Admin, out io.Writer, _ []string) error {
			s, err := a.Status(ctx)
			if err == nil {
				printStatus(out, s)
			}
			return err
		}),
	}
}

func printStatus(out io.Writer, s postgres.Status) {
	fmt.Fprintf(out, "published by: %s\n", or(s.Leader, "nobody: no server with store postgres is running"))
	fmt.Fprintf(out, "waiting:      %d changes", s.Waiting)
	if s.Waiting > 0 {
		fmt.Fprintf(out, ", the oldest for %v", s.Oldest.Round(time.Second))
	}
	fmt.Fprintf(out, "; above %d they are not kept\n", s.MaxChanges)
	if s.Dropped > 0 {
		fmt.Fprintf(out, "not kept:     %d changes; clients will be told to load anew\n", s.Dropped)
	}
	if s.Waiting > 0 && s.Open != "" {
		fmt.Fprintf(out, "held back by: %s\n", s.Open)
	}
	for _, w := range s.Watched {
		var notes []string
		if w.Table == "" {
			notes = append(notes, "the table was dropped: tidings pg unwatch "+w.Collection.String())
		} else if w.Triggers < 2 {
			notes = append(notes, "its triggers are missing or disabled: watch it anew")
		}
		if !w.Notify {
			notes = append(notes, "without NOTIFY")
		}
		fmt.Fprintf(out, "\n%s as %s\n  columns: %s\n", or(w.Table, "(dropped)"), w.Collection, strings.Join(w.Columns, ", "))
		if len(notes) > 0 {
			fmt.Fprintf(out, "  %s\n", strings.Join(notes, "; "))
		}
	}
}

func (d *databaseCommands) unwatchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unwatch TABLE",
		Short: "Publish the changes of a table no more, and remove what watching it has added",
		Long:  "Publish the changes of a table no more, and remove its triggers. A table that was dropped is named by its collection.",
		Args:  cobra.ExactArgs(1),
		RunE: d.do(func(ctx context.Context, a *postgres.Admin, out io.Writer, args []string) error {
			if err := a.Unwatch(ctx, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintln(out, args[0]+" is not watched any more.")
			return err
		}),
	}
}

func (d *databaseCommands) removeCommand() *cobra.Command {
	var documents bool
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Remove all triggers and the schema tidings from the database",
		Long:  "Remove all triggers and the schema tidings from the database. Stop the servers that use it first: one that runs makes the schema again.",
		Args:  cobra.NoArgs,
		RunE: d.do(func(ctx context.Context, a *postgres.Admin, out io.Writer, _ []string) error {
			if err := a.Remove(ctx, documents); err != nil {
				return err
			}
			_, err := fmt.Fprintln(out, "Nothing of Tidings is left in the database.")
			return err
		}),
	}
	cmd.Flags().BoolVar(&documents, "with-documents", false, "also if there are documents in it, which are gone then")
	return cmd
}
