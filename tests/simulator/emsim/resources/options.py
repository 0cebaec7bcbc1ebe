"""Schedule, guest processing and retention options of jobs (em_rest 5, schedule options)."""

from __future__ import annotations

from emsim.tree import Node, Repeated, Spoken, Texts

_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def _week(name: str) -> Node:
    flags = ",".join(["1"] * 24)
    days = [Node("Day", [], {"Name": day}, text=flags) for day in _DAYS]
    return Node(name, [("Day", Repeated("Days", days))])


def schedule_options() -> Node:
    """A daily schedule at 22:00 UTC; em_rest 15.26: `Standart` is the server's own spelling."""
    ten = Spoken(xml="22:00:00.0000000+00:00", json="2025-01-01T22:00:00")
    retry = Node("RetryOptions", [("RetryTimes", 3), ("RetryTimeout", 10), ("RetrySpecified", True)])
    daily = [("Kind", "Everyday"), ("Days", Texts(_DAYS)), ("Time", ten), ("TimeOffsetUtc", 0)]
    monthly = [
        ("Time", ten),
        ("TimeOffsetUtc", 0),
        ("DayNumberInMonth", "Fourth"),
        ("DayOfWeek", "Saturday"),
        ("Months", Texts(_MONTHS)),
        ("DayOfMonth", 1),
    ]
    off = {"Enabled": False}
    standard = [
        ("RetryOptions", retry),
        ("WaitForBackupCompletion", True),
        ("BackupCompetitionWaitingPeriodMin", 180),
        ("OptionsDaily", Node("OptionsDaily", daily, {"Enabled": True})),
        ("OptionsMonthly", Node("OptionsMonthly", monthly, off)),
        (
            "OptionsPeriodically",
            Node("OptionsPeriodically", [("Kind", "Hours"), ("FullPeriod", 1), ("Schedule", _week("Schedule"))], off),
        ),
        ("OptionsContinuous", Node("OptionsContinuous", [("Schedule", _week("Schedule"))], off)),
        ("OptionsBackupWindow", Node("OptionsBackupWindow", [("TimePeriods", _week("TimePeriods"))], off)),
        ("OptionsDaisyChaining", Node("OptionsDaisyChaining", [("PreviousJobUid", "")], off)),
    ]
    return Node("JobScheduleOptions", [("Standart", Node("Standart", standard))])


def guest_processing() -> Node:
    """Guest processing options of a job or of one of its objects."""
    indexing = Node(
        "Indexing",
        [
            ("FileSystemIndexingMode", "Disabled"),
            ("IncludedIndexingFolders", Texts([], "Path")),
            ("ExcludedIndexingFolders", Texts(["/proc", "/tmp"], "Path")),
        ],
    )
    sql = [
        ("TransactionLogsProcessing", "OnlyOnSuccessJob"),
        ("BackupLogsFrequencyMin", 15),
        ("UseDbBackupRetention", True),
        ("RetainDays", 15),
    ]
    return Node(
        "GuestProcessingOptions",
        [
            (
                "VssSnapshotOptions",
                Node(
                    "VssSnapshotOptions",
                    [
                        ("VssSnapshotMode", "RequireSuccess"),
                        ("IsCopyOnly", False),
                    ],
                ),
            ),
            ("WindowsGuestFSIndexingOptions", indexing),
            ("LinuxGuestFSIndexingOptions", indexing),
            ("SqlBackupOptions", Node("SqlBackupOptions", sql)),
            ("WindowsCredentialsId", ""),
            ("LinuxCredentialsId", ""),
        ],
    )


def retention() -> list[tuple[str, Node]]:
    """The two retention policies."""
    period = [("Enabled", False), ("RetentionPeriod", 1)]
    gfs = [
        ("Weekly", Node("Weekly", [*period, ("SelectedDay", "Sunday")])),
        ("Monthly", Node("Monthly", [*period, ("SelectedWeek", "First")])),
        ("Yearly", Node("Yearly", [*period, ("SelectedMonth", "January")])),
    ]
    simple = [("RetainCycles", 7), ("RetainDaysToKeep", 7), ("RetainLimitType", "Cycles")]
    return [
        ("GfsRetentionPolicy", Node("GfsRetentionPolicy", gfs, {"Enabled": False})),
        ("SimpleRetentionPolicy", Node("SimpleRetentionPolicy", simple)),
    ]
