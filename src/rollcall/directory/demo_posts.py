"""What people do in the demo company: its divisions, their departments, and the work in each; its projects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Department:
    """A department and the titles of those who do its work."""

    name: str
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Division:
    """Some departments under one chief."""

    chief: str
    departments: tuple[Department, ...]


def _department(name: str, *titles: str) -> Department:
    return Department(name, titles)


HEAD_OFFICE = "Executive Office"
HEAD = "Chief Executive Officer"

# More divisions than any chief executive has reports.
DIVISIONS = (
    Division(
        "Chief Operating Officer",
        (
            _department("Logistics", "Freight Coordinator", "Route Planner", "Warehouse Specialist"),
            _department("Manufacturing", "Process Engineer", "Production Technician", "Shift Supervisor"),
            _department("Procurement", "Buyer", "Contract Specialist", "Supplier Analyst"),
            _department("Quality", "Calibration Technician", "Quality Auditor", "Quality Engineer"),
        ),
    ),
    Division(
        "Chief Technology Officer",
        (
            _department("Platform Engineering", "Database Engineer", "Reliability Engineer", "Software Engineer"),
            _department("Product Engineering", "Designer", "Software Engineer", "Test Engineer"),
            _department("Information Security", "Incident Responder", "Security Analyst", "Security Engineer"),
            _department("Data & Insight", "Analyst", "Data Engineer", "Statistician"),
        ),
    ),
    Division(
        "Chief Revenue Officer",
        (
            _department("Field Sales", "Account Executive", "Sales Representative", "Territory Planner"),
            _department("Inside Sales", "Business Development Representative", "Sales Specialist"),
            _department("Partnerships", "Alliance Coordinator", "Channel Specialist"),
        ),
    ),
    Division(
        "Chief Financial Officer",
        (
            _department("Accounting", "Accountant", "Accounts Payable Clerk", "Payroll Specialist"),
            _department("Treasury", "Cash Analyst", "Risk Analyst"),
            _department("Controlling", "Controller", "Financial Analyst"),
        ),
    ),
    Division(
        "Chief People Officer",
        (
            _department("Talent", "Recruiter", "Sourcing Specialist"),
            _department("People Services", "Benefits Specialist", "People Partner"),
            _department("Learning", "Instructional Designer", "Trainer"),
        ),
    ),
    Division(
        "Chief Customer Officer",
        (
            _department("Customer Care", "Care Agent", "Knowledge Editor", "Support Engineer"),
            _department("Customer Success", "Adoption Specialist", "Success Planner"),
            _department("Field Service", "Dispatcher", "Service Technician"),
        ),
    ),
    Division(
        "Chief Marketing Officer",
        (
            _department("Brand", "Art Director", "Copywriter"),
            _department("Communications", "Editor", "Press Officer"),
            _department("Events", "Event Planner", "Producer"),
        ),
    ),
    Division(
        "General Counsel",
        (
            _department("Legal", "Counsel", "Paralegal"),
            _department("Compliance", "Compliance Officer", "Privacy Analyst"),
        ),
    ),
    Division(
        "Chief Research Officer",
        (
            _department("Materials Research", "Laboratory Technician", "Materials Scientist"),
            _department("Optics Research", "Optics Engineer", "Physicist"),
        ),
    ),
)

PROJECTS = (
    "Project Aurora", "Projekt Löwenzahn", "Projet Étincelle", "Proyecto Ñandú", "Projeto Coração", "Проєкт Світанок",
    "Σχέδιο Άνεμος", "İstikbal Projesi", "プロジェクト桜", "项目长城", "프로젝트 한강", "โครงการดอกบัว", "Dự án Hạ Long",
    "परियोजना गंगा", "مشروع النيل", "פרויקט כרמל", "Verkefni Þingvellir", "Projekt Żubr", "Project Meridian",
    "Project Halcyon", "Project Larkspur", "Project Basalt", "Project Windrose", "Project Lantern", "Project Kestrel",
    "Project Foxglove", "Project Saltmarsh", "Project Juniper", "Project Tideline", "Project Northlight",
)  # fmt: skip
