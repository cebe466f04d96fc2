package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// A Disk is the storage of the SQLite databases in a folder, which can fail.
// SQLite reaches it as it reaches any, through a VFS; ours hands all on to the
// usual one, except for the writes that are to fail. All SQLite of the process
// goes through it once there is a Disk, and behaves as ever elsewhere.
type Disk struct {
	dir string

	mu      sync.Mutex
	writes  int
	trouble func(write int) (code int)
}

// Codes with which a write fails.
const (
	DiskFull   = sqlite3.SQLITE_FULL
	DiskBroken = sqlite3.SQLITE_IOERR | 3<<8 // SQLITE_IOERR_WRITE
)

// NewDisk is the storage of a folder until the test ends, see [FailWrites].
func NewDisk(t testing.TB, dir string, trouble func(write int) (code int)) *Disk {
	t.Helper()
	d, err := FailWrites(dir, trouble)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disks.Delete(d.dir) })
	return d
}

// FailWrites makes a folder's databases opened from now on ask for trouble.
// It is asked before each write, from the first on, what it fails with; 0 is
// not at all. Writes are what changes a file, and what brings it to the disk.
func FailWrites(dir string, trouble func(write int) (code int)) (*Disk, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err == nil {
		err = register()
	}
	if err != nil {
		return nil, err
	}
	d := &Disk{dir: dir + string(filepath.Separator), trouble: trouble}
	disks.Store(d.dir, d)
	return d, nil
}

// Writes is how many there were.
func (d *Disk) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// Heal ends all trouble.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble = nil
}

// write is what a write fails with.
func (d *Disk) write() int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if d.trouble == nil {
		return sqlite3.SQLITE_OK
	}
	return int32(d.trouble(d.writes))
}

var (
	disks sync.Map // *Disk by its folder, with a separator at the end
	files sync.Map // openFile by SQLite's pointer

	usual *sqlite3.Tsqlite3_vfs

	methodsMu sync.Mutex
	methods   = map[uintptr]uintptr{} // ours, by the usual ones
)

// openFile is a file of a Disk.
type openFile struct {
	disk  *Disk
	usual *sqlite3.Tsqlite3_io_methods
}

type (
	openFunc     = func(tls *libc.TLS, vfs, path, file uintptr, flags int32, out uintptr) int32
	closeFunc    = func(tls *libc.TLS, file uintptr) int32
	writeFunc    = func(tls *libc.TLS, file, data uintptr, n int32, offset sqlite3.Tsqlite3_int64) int32
	truncateFunc = func(tls *libc.TLS, file uintptr, size sqlite3.Tsqlite3_int64) int32
	syncFunc     = func(tls *libc.TLS, file uintptr, flags int32) int32
)

// register makes our VFS that of all databases opened from now on.
var register = sync.OnceValue(func() error {
	// The driver sets SQLite up when it opens the first.
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := db.PingContext(context.Background()); err != nil {
		return err
	}
	tls := libc.NewTLS()
	defer tls.Close()
	name, err := libc.CString("seedbed-test")
	if err != nil {
		return err
	}
	usual = at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	vfs, ours := copied(tls, usual)
	vfs.FzName = name
	vfs.FxOpen = pointer(diskOpen)
	if code := sqlite3.Xsqlite3_vfs_register(tls, ours, 1); code != sqlite3.SQLITE_OK {
		return fmt.Errorf("SQLite does not take a VFS: %d", code)
	}
	return nil
})

func diskOpen(tls *libc.TLS, v, path, file uintptr, flags int32, out uintptr) int32 {
	code := function[openFunc](usual.FxOpen)(tls, v, path, file, flags, out)
	if code != sqlite3.SQLITE_OK || path == 0 {
		return code
	}
	name := libc.GoString(path)
	disks.Range(func(_, value any) bool {
		d := value.(*Disk)
		if !strings.HasPrefix(name, d.dir) {
			return true
		}
		f := at[sqlite3.Tsqlite3_file](file)
		files.Store(file, openFile{d, at[sqlite3.Tsqlite3_io_methods](f.FpMethods)})
		f.FpMethods = diskMethods(tls, f.FpMethods)
		return false
	})
	return code
}

// diskMethods are the usual methods of a file, with ours where it matters.
func diskMethods(tls *libc.TLS, of uintptr) uintptr {
	methodsMu.Lock()
	defer methodsMu.Unlock()
	if methods[of] == 0 {
		m, ours := copied(tls, at[sqlite3.Tsqlite3_io_methods](of))
		m.FxClose = pointer(diskClose)
		m.FxWrite = pointer(diskWrite)
		m.FxTruncate = pointer(diskTruncate)
		m.FxSync = pointer(diskSync)
		methods[of] = ours
	}
	return methods[of]
}

// copied is a copy for SQLite to point to, in its own memory.
func copied[T any](tls *libc.TLS, of *T) (*T, uintptr) {
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*of)))
	*at[T](p) = *of
	return at[T](p), p
}

func fileAt(file uintptr) openFile {
	f, _ := files.Load(file)
	return f.(openFile)
}

func diskClose(tls *libc.TLS, file uintptr) int32 {
	f := fileAt(file)
	files.Delete(file)
	return function[closeFunc](f.usual.FxClose)(tls, file)
}

func diskWrite(tls *libc.TLS, file, data uintptr, n int32, offset sqlite3.Tsqlite3_int64) int32 {
	f := fileAt(file)
	if code := f.disk.write(); code != sqlite3.SQLITE_OK {
		return code
	}
	return function[writeFunc](f.usual.FxWrite)(tls, file, data, n, offset)
}

func diskTruncate(tls *libc.TLS, file uintptr, size sqlite3.Tsqlite3_int64) int32 {
	f := fileAt(file)
	if code := f.disk.write(); code != sqlite3.SQLITE_OK {
		return code
	}
	return function[truncateFunc](f.usual.FxTruncate)(tls, file, size)
}

func diskSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := fileAt(file)
	if code := f.disk.write(); code != sqlite3.SQLITE_OK {
		return code
	}
	return function[syncFunc](f.usual.FxSync)(tls, file, flags)
}

// at is what SQLite points to.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// pointer is a function as SQLite, which was translated from C, points to it.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// function is what such a pointer points to.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }
